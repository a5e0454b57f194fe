"""Link cache: each process keeps links in memory, so that a redirect needs no database.

A change made in this process holds at once (:meth:`LinkCache.outdate`), one made in another within ``FRESH`` seconds.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import Any

from cachetools import FIFOCache
from sqlalchemy import RowMapping, Select, select

from chassis.core.principal import Principal, acting_as
from chassis.data.bulk import batches
from chassis.data.database import Database
from chassis.data.errors import is_away, is_busy
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.affiliates.rules import Enrolment
from services.affiliates.campaigns.models import Campaign
from services.affiliates.campaigns.rules import Status
from services.affiliates.links.models import Link
from services.affiliates.links.rules import Target, merchant_of_code
from services.affiliates.merchants.models import Merchant

FRESH = 1.0  # seconds until an entry is read again
HOT = 300.0  # seconds after its last click that a link is refreshed in the background
MAX_LINKS = 100_000
WARM_LINKS = 20_000  # the newest, which a process reads when it starts
BATCH = 500


@dataclass(slots=True)
class Entry:
    """What a code means: a link, or none and its merchant's fallback address."""

    target: Target | None
    fallback: str | None
    read_at: float
    used_at: float


class LinkCache:
    """The links of one process, for any thread.

    Every read of an entry stores it again, and the cache evicts the entry that was stored longest ago. The background
    stores links in use every half second, so it evicts those that nobody follows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: FIFOCache[str, Entry] = FIFOCache(MAX_LINKS)
        self._lock = Lock()
        self._away = False  # whether the database is; only the background asks it again

    def find(self, code: str) -> Entry:
        """What a code means now. While the database is away an old entry is good enough.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is away and the code is not in memory.
        """
        now = time.monotonic()
        with self._lock:
            entry = self._entries.get(code)
        if entry is None or (now - entry.read_at > FRESH and not self._away):
            entry = self._read_anew(code, entry, now)
        entry.used_at = now
        return entry

    def outdate(self) -> None:
        """Read every entry anew at its next use, because something was changed in this process."""
        for _, entry in self._all():
            entry.read_at = 0.0

    def refresh(self) -> None:
        """Read the links in use anew; the first time the newest links, so that they work from the start."""
        now = time.monotonic()
        entries = self._all()
        if not entries or self._away:
            self._warm(now)  # also shows whether the database is back
        hot = [code for code, entry in entries if entry.target and now - entry.used_at < HOT]
        for batch in batches(hot, BATCH):
            targets = self._load(_links().where(Link.code.in_(batch)))
            for code in batch:
                self._store(code, targets.get(code), None, now)
        self._away = False

    def mark_away(self) -> None:
        self._away = True

    def _all(self) -> list[tuple[str, Entry]]:
        with self._lock:
            return list(self._entries.items())

    def _read_anew(self, code: str, entry: Entry | None, now: float) -> Entry:
        try:
            target = self._load(_links().where(Link.code == code)).get(code)
            fallback = None if target else self._fallback(code)
        except Exception as error:
            if entry is None or not (is_away(error) or is_busy(error)):
                raise
            self.mark_away()
            return entry
        return self._store(code, target, fallback, now)

    def _store(self, code: str, target: Target | None, fallback: str | None, now: float) -> Entry:
        with self._lock:
            before = self._entries.get(code)
            entry = Entry(target, fallback, read_at=now, used_at=before.used_at if before else now)
            self._entries[code] = entry
        return entry

    def _warm(self, now: float) -> None:
        for code, target in self._load(_links().order_by(Link.created_at.desc()).limit(WARM_LINKS)).items():
            self._store(code, target, None, now)

    def _load(self, statement: Select[Any]) -> dict[str, Target]:
        """Targets by the codes of their links."""
        with acting_as(SYSTEM), self._database.read() as session:
            rows = session.execute(statement).mappings().all()
        return {row["code"]: _target_of(row) for row in rows}

    def _fallback(self, code: str) -> str | None:
        statement = select(Merchant.fallback_url).where(Merchant.slug == merchant_of_code(code), Merchant.is_on)
        with acting_as(SYSTEM), self._database.read() as session:
            addresses = session.scalars(statement).all()
        return addresses[0] if len(addresses) == 1 else None


SYSTEM = Principal.system("affiliates")


def _links() -> Select[Any]:
    """The columns are the fields of a ``Target``, after the link's code."""
    return (
        select(
            Link.code,
            Link.id.label("link_id"),
            Link.merchant_id,
            Link.campaign_id,
            Link.affiliate_id,
            Link.destination,
            Campaign.status,
            Campaign.start_date.label("start"),
            Campaign.end_date.label("end"),
            Campaign.cookie_days.label("window_days"),
            Affiliate.status.label("enrolment"),
            Campaign.affiliate_approval_required.label("approval_required"),
            Merchant.is_on.label("enabled"),
            Merchant.fallback_url.label("fallback"),
            Merchant.allowed_hosts.label("hosts"),
        )
        .join(Campaign, Campaign.id == Link.campaign_id)
        .join(Affiliate, Affiliate.id == Link.affiliate_id)
        .join(Merchant, Merchant.id == Link.merchant_id)
    )


def _target_of(row: RowMapping) -> Target:
    fields = {name: value for name, value in row.items() if name != "code"}
    enums = {"status": Status(row["status"]), "enrolment": Enrolment(row["enrolment"])}
    return Target(**fields | enums | {"hosts": tuple(row["hosts"])})
