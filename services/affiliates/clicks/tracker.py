"""Tracker: what one process needs to follow visitors through links.

A redirect never waits for the database, and no click is lost with it: links come from the link cache, clicks go to the
click buffer.
"""

import hmac
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from uuid import UUID

from cachetools import TTLCache
from uuid_utils.compat import uuid7

from chassis.core.errors import NotFound
from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.process.service import Runtime
from services.affiliates import settings
from services.affiliates.clicks.buffer import ClickBuffer
from services.affiliates.clicks.rules import NewClick, NoVisitor, is_robot
from services.affiliates.clicks.visitors import Tampered, Visitor, Visitors, set_cookie
from services.affiliates.links.cache import LinkCache
from services.affiliates.links.rules import Lead, Target, clean_code, lead, with_click, with_query

FLOOD = 60  # clicks of one address in a minute; further ones are flagged
MINUTE = 60.0  # seconds
MAX_ADDRESSES = 100_000
COOKIE_TAMPERED = "cookie_tampered"
CLICK_FLOOD = "click_flood"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """The headers of a redirect: where it leads, and the visitor's cookie if it changes."""

    address: str
    cookie: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Location": self.address} | ({"Set-Cookie": self.cookie} if self.cookie else {})


class Tracker:
    """The links, visitors and clicks of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self.links = LinkCache(runtime.database)
        self.clicks = ClickBuffer()
        self.visitors = Visitors(runtime.signer.derive("affiliates.visitors"))
        self._secret = runtime.signer.derive("affiliates.addresses")
        self._secure = runtime.settings.public_url.startswith("https://")
        self._fallback = settings.of(runtime.settings).fallback_url
        is_robot("")  # compiles the patterns before the first visitor has to wait for it
        self._floods = FloodDetector()

    def visit(
        self,
        code: str,
        *,
        cookie: str | None,
        address: str,
        deep_link: str | None,
        query: str,
        no_visitor: NoVisitor | None,
        now: datetime,
    ) -> Visit:
        """Redirect a visitor and buffer the click.

        Args:
            cookie: value of the visitor's cookie.
            address: network address of the visitor.
            deep_link: where the request asks to be led.
            query: the whole query string.
            no_visitor: why no person made this request. Its click is stored but counts nowhere (D66).

        Raises:
            NotFound: there is neither a link nor a fallback address.
            sqlalchemy.exc.DBAPIError: the database is away and the link is not in memory.
        """
        entry = self.links.find(clean_code(code))
        if entry.target is None:
            return self._visit_fallback(entry.fallback)
        target = entry.target
        destination = lead(target, deep_link=deep_link, now=now)
        if query:
            destination = replace(destination, address=with_query(destination.address, query))
        if no_visitor:
            self._add_click(target, Lead(destination.address, no_visitor), Visitor.new(now), address, [], now)
            return Visit(destination.address)
        visitor, flags = self._visitor(cookie, now)
        if self._floods.is_flood(address):
            flags.append(CLICK_FLOOD)
        click_id = self._add_click(target, destination, visitor, address, flags, now)
        if not destination.live:
            return Visit(destination.address)
        return Visit(with_click(destination.address, str(click_id)), self._cookie(visitor, target.window_days, now))

    def hash_of(self, address: str) -> str:
        """A keyed hash of a network or mail address: enough to recognise it, not to read it."""
        return hmac.digest(self._secret, address.encode(), "sha256").hex()[:32]

    def _visit_fallback(self, merchant_fallback: str | None) -> Visit:
        address = merchant_fallback or self._fallback
        if address is None:
            raise NotFound("This link leads nowhere.")
        return Visit(address)

    def _visitor(self, cookie: str | None, now: datetime) -> tuple[Visitor, list[str]]:
        """The visitor whom the cookie names, or a new one. A tampered cookie is ignored and flagged."""
        try:
            visitor = self.visitors.read(cookie, now) if cookie else None
        except Tampered:
            return Visitor.new(now), [COOKIE_TAMPERED]
        return visitor or Visitor.new(now), []

    def _cookie(self, visitor: Visitor, window_days: int, now: datetime) -> str | None:
        """The header that prolongs the visitor's cookie; None if it lives long enough."""
        prolonged = visitor.known_until(now + timedelta(days=window_days))
        if prolonged == visitor:
            return None
        return set_cookie(self.visitors.write(prolonged), prolonged, now, secure=self._secure)

    def _add_click(
        self, target: Target, destination: Lead, visitor: Visitor, address: str, flags: list[str], now: datetime
    ) -> UUID:
        click = NewClick(
            id=uuid7(),
            merchant_id=target.merchant_id,
            link_id=target.link_id,
            campaign_id=target.campaign_id,
            affiliate_id=target.affiliate_id,
            visitor_id=visitor.id,
            clicked_at=now,
            window_days=target.window_days,
            live=destination.live,
            reason=destination.reason,
            address_hash=self.hash_of(address) if address else None,
            flags=" ".join(flags),
        )
        self.clicks.add(click)
        return click.id


class FloodDetector:
    """Counts the clicks of each address, from its first click for a minute. Each process counts by itself."""

    def __init__(self) -> None:
        self._counters: TTLCache[str, count[int]] = TTLCache(MAX_ADDRESSES, MINUTE)
        self._lock = Lock()

    def is_flood(self, address: str) -> bool:
        """Count a click; return whether the address has made more than people do."""
        with self._lock:
            return bool(address) and next(self._counters.setdefault(address, count(1))) > FLOOD


def of(runtime: Runtime) -> Tracker:
    """The tracker of this process."""
    tracker: Tracker = runtime.memory.get("tracker") or runtime.memory.setdefault("tracker", Tracker(runtime))
    return tracker


def refresh_links(runtime: Runtime) -> None:
    """Refresh the link cache; every process with the api role repeats this."""
    links = of(runtime).links
    try:
        links.refresh()
    except Exception as error:
        links.mark_away()
        log.warning("links stay as they are, the database does not answer", error=repr(error))


def flush_clicks(runtime: Runtime) -> bool:
    """Write buffered clicks; every process with the api role repeats this, and calls it once more when it ends."""
    return of(runtime).clicks.flush(runtime)


def flush_now(runtime: Runtime) -> None:
    """Write buffered clicks in a transaction of their own, apart from that of the current request."""

    def flush_as_system() -> None:
        with acting_as(Principal.system(runtime.service.name)):
            flush_clicks(runtime)

    Context().run(flush_as_system)
