"""One process's redirects: the link in memory, the visitor's cookie, the click that is kept."""

import hmac
import time
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.process.service import Runtime
from services.affiliates import settings
from services.affiliates.affiliates.rules import code_as_written
from services.affiliates.clicks.buffer import ClickBuffer
from services.affiliates.clicks.new_click import NewClick
from services.affiliates.clicks.rules import NoVisitor, is_robot
from services.affiliates.clicks.visitors import Tampered, Visitor, Visitors, set_cookie
from services.affiliates.common.addresses import with_click, with_query
from services.affiliates.links.cache import LinkBook
from services.affiliates.links.rules import Lead, Target, lead

FLOOD = 60  # clicks of one address in a minute; further ones are flagged
ADDRESSES = 100_000
COOKIE_TAMPERED = "cookie_tampered"
CLICK_FLOOD = "click_flood"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """How a redirect is answered; no address where there is nothing to send a visitor to."""

    address: str | None
    cookie: str | None = None


class Tracker:
    """What one process needs to follow visitors through links."""

    def __init__(self, runtime: Runtime) -> None:
        self.links = LinkBook(runtime.database)
        self.clicks = ClickBuffer()
        self.visitors = Visitors(runtime.signer.derive("affiliates.visitors"))
        self._secret = runtime.signer.derive("affiliates.addresses")
        self._secure = runtime.settings.public_url.startswith("https://")
        self._fallback = settings.load().fallback_url
        is_robot("")  # reads the patterns before the first visitor waits for it
        self._minute = 0
        self._addresses: dict[str, int] = {}

    def visit(
        self,
        code: str,
        *,
        cookie: str | None,
        address: str,
        wanted: str | None,
        query: str,
        nobody: NoVisitor | None,
        now: datetime,
    ) -> Visit:
        """Send a visitor on and keep the click.

        Args:
            cookie: what the visitor's browser brought.
            wanted: where a deep link asks to lead.
            query: all that the link was followed with.
            nobody: why this is no visitor. The click is kept as such and counts nowhere (D66).

        Raises:
            sqlalchemy.exc.DBAPIError: the database is away and the link is not in memory.
        """
        entry = self.links.find(code_as_written(code))
        if entry.target is None:
            return Visit(entry.fallback or self._fallback)
        led = lead(entry.target, wanted=wanted, now=now)
        if query:
            led = replace(led, address=with_query(led.address, query))
        if nobody:
            self._keep(entry.target, Lead(led.address, nobody), Visitor.new(now), address, [], now)
            return Visit(led.address)
        visitor, flags = self._visitor(cookie, now)
        if self._is_flood(address):
            flags.append(CLICK_FLOOD)
        click_id = self._keep(entry.target, led, visitor, address, flags, now)
        if not led.live:
            return Visit(led.address)
        known = visitor.known_until(now + timedelta(days=entry.target.window_days))
        header = set_cookie(self.visitors.write(known), known, now, secure=self._secure) if known != visitor else None
        return Visit(with_click(led.address, str(click_id)), header)

    def hash_of(self, address: str) -> str:
        """What is kept of an address, of a network or of mail: enough to tell that it is the same again."""
        return hmac.digest(self._secret, address.encode(), "sha256").hex()[:32]

    def _visitor(self, cookie: str | None, now: datetime) -> tuple[Visitor, list[str]]:
        """Who comes: whom the cookie names, or somebody new. One that was tampered with counts for nothing."""
        try:
            known = self.visitors.read(cookie, now) if cookie else None
        except Tampered:
            return Visitor.new(now), [COOKIE_TAMPERED]
        return known or Visitor.new(now), []

    def _keep(self, target: Target, led: Lead, visitor: Visitor, address: str, flags: list[str], now: datetime) -> UUID:
        click = NewClick(
            id=uuid7(),
            merchant_id=target.merchant_id,
            link_id=target.link_id,
            campaign_id=target.campaign_id,
            affiliate_id=target.affiliate_id,
            visitor_id=visitor.id,
            clicked_at=now,
            window_days=target.window_days,
            live=led.live,
            reason=led.reason,
            address_hash=self.hash_of(address) if address else None,
            flags=" ".join(flags),
        )
        self.clicks.add(click)
        return click.id

    def _is_flood(self, address: str) -> bool:
        """Whether an address clicks more than people do. Counted in each process by itself, a minute at a time."""
        minute = int(time.time() // 60)
        if minute != self._minute or len(self._addresses) >= ADDRESSES:
            self._minute, self._addresses = minute, {}
        self._addresses[address] = count = self._addresses.get(address, 0) + 1
        return bool(address) and count > FLOOD


def of(runtime: Runtime) -> Tracker:
    """The tracker of this process."""
    known = runtime.memory.get("tracker")
    tracker: Tracker = known or runtime.memory.setdefault("tracker", Tracker(runtime))
    return tracker


def refresh_links(runtime: Runtime) -> None:
    """What every process repeats while it serves redirects."""
    links = of(runtime).links
    try:
        links.refresh()
    except Exception as error:
        links.note_away()
        log.warning("links stay as they are, the database does not answer", error=repr(error))


def flush_clicks(runtime: Runtime) -> bool:
    """What every process repeats while it serves redirects, and once more when it ends."""
    return of(runtime).clicks.flush(runtime)


def flush_now(runtime: Runtime) -> None:
    """Write what this process holds before somebody asks about it, apart from the transaction of who asks."""
    Context().run(_flush_as_system, runtime)


def _flush_as_system(runtime: Runtime) -> None:
    with acting_as(Principal.system(runtime.service.name)):
        flush_clicks(runtime)
