"""Links in memory, so that a redirect asks no database."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.data.errors import is_away, is_busy
from services.affiliates.affiliates.models import Affiliate, Link
from services.affiliates.affiliates.rules import Enrolment, merchant_of_code
from services.affiliates.campaigns.models import Campaign
from services.affiliates.campaigns.rules import Status
from services.affiliates.links.rules import Target
from services.affiliates.merchants.models import Merchant

FRESH = 1.0  # seconds a link counts without being looked at again
HOT = 300.0  # seconds after its last click that a link is kept fresh in the background
MOST = 100_000  # links in memory
WARM = 20_000  # of them, the newest, from the start
BATCH = 500


@dataclass(slots=True)
class Entry:
    """What a code means: a link, or none and its merchant's fallback address."""

    target: Target | None
    fallback: str | None
    looked_at: float
    used_at: float


class LinkBook:
    """The links of one process. Any thread may read; a change made elsewhere is seen within ``FRESH`` seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: dict[str, Entry] = {}
        self._away = False  # the database; only the background asks it again

    def find(self, code: str) -> Entry:
        """What a code means now, as far as can be known.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is away and the code is not in memory.
        """
        now = time.monotonic()
        entry = self._entries.get(code)
        if entry is None or (now - entry.looked_at > FRESH and not self._away):
            entry = self._look_up(code, entry, now)
        entry.used_at = now
        return entry

    def outdate(self) -> None:
        """Somebody changed something in this process: look at everything anew."""
        for entry in list(self._entries.values()):
            entry.looked_at = 0.0

    def refresh(self) -> None:
        """Look anew at what is in use; the first time at the newest links, so that they work from the start."""
        now = time.monotonic()
        if not self._entries or self._away:
            self._warm(now)  # also shows whether the database is back
        hot = [code for code, entry in list(self._entries.items()) if entry.target and now - entry.used_at < HOT]
        for start in range(0, len(hot), BATCH):
            batch = hot[start : start + BATCH]
            found = dict(self._load(_links().where(Link.code.in_(batch))))
            for code in batch:
                self._keep(code, found.get(code), None, now)
        self._away = False

    def note_away(self) -> None:
        self._away = True

    def _look_up(self, code: str, known: Entry | None, now: float) -> Entry:
        try:
            target = dict(self._load(_links().where(Link.code == code))).get(code)
            fallback = None if target else self._fallback(code)
        except Exception as error:
            if known is None or not (is_away(error) or is_busy(error)):
                raise
            self.note_away()
            return known
        return self._keep(code, target, fallback, now)

    def _keep(self, code: str, target: Target | None, fallback: str | None, now: float) -> Entry:
        if len(self._entries) >= MOST and code not in self._entries:
            self._forget(now)
        known = self._entries.get(code)
        entry = Entry(target, fallback, looked_at=now, used_at=known.used_at if known else now)
        self._entries[code] = entry
        return entry

    def _forget(self, now: float) -> None:
        """Make room: what was not used lately goes, and if that is nothing, everything."""
        kept = {
            code: entry for code, entry in list(self._entries.items()) if now - entry.used_at < HOT and entry.target
        }
        self._entries = kept if len(kept) < MOST else {}

    def _warm(self, now: float) -> None:
        for code, target in self._load(_links().order_by(Link.created_at.desc()).limit(WARM)):
            self._keep(code, target, None, now)

    def _load(self, statement: Select[Any]) -> Iterator[tuple[str, Target]]:
        with acting_as(SYSTEM), self._database.read() as session:
            rows: Sequence[Any] = session.execute(statement).all()
        return (_read(row) for row in rows)

    def _fallback(self, code: str) -> str | None:
        wanted = select(Merchant.fallback_url).where(Merchant.slug == merchant_of_code(code), Merchant.enabled)
        with acting_as(SYSTEM), self._database.read() as session:
            found: Collection[str | None] = session.scalars(wanted).all()
        return next(iter(found)) if len(found) == 1 else None


SYSTEM = Principal.system("affiliates")


def _links() -> Select[Any]:
    return (
        select(
            Link.code,
            Link.id,
            Link.merchant_id,
            Link.campaign_id,
            Link.affiliate_id,
            Link.destination,
            Campaign.status,
            Campaign.start_date,
            Campaign.end_date,
            Campaign.cookie_days,
            Affiliate.status,
            Campaign.affiliate_approval_required,
            Merchant.enabled,
            Merchant.fallback_url,
            Merchant.allowed_hosts,
        )
        .join(Campaign, Campaign.id == Link.campaign_id)
        .join(Affiliate, Affiliate.id == Link.affiliate_id)
        .join(Merchant, Merchant.id == Link.merchant_id)
    )


def _read(row: Sequence[Any]) -> tuple[str, Target]:
    code, link_id, merchant_id, campaign_id, affiliate_id, destination, status, *rest, hosts = row
    start, end, days, enrolment, approval_required, enabled, fallback = rest
    target = Target(
        link_id=link_id,
        merchant_id=merchant_id,
        campaign_id=campaign_id,
        affiliate_id=affiliate_id,
        destination=destination,
        status=Status(status),
        start=start,
        end=end,
        window_days=days,
        enrolment=Enrolment(enrolment),
        approval_required=approval_required,
        enabled=enabled,
        fallback=fallback,
        hosts=tuple(hosts),
    )
    return code, target
