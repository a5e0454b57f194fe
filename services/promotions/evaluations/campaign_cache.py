"""Campaign cache: the active campaigns of each store, in this process, for as long as nothing has changed.

No process is told of a change. A user of a store set compares its stamp with that of the tenant's catalogue, which is
one row by its key. So a change that any process has committed counts from the next evaluation on.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from flask import Flask
from sqlalchemy.orm import Session

from services.promotions.evaluations import store_set_queries
from services.promotions.evaluations.store_set_queries import StoreSet

MOST = 200_000
"""Campaigns and products of all stores, some 200 MB. The store that was not asked for the longest goes first."""
GRACE = timedelta(days=1)
"""Campaigns that ended longer ago are not loaded, unless an evaluation asks for an earlier moment."""


class CampaignCache:
    """The store sets of a process."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sets: OrderedDict[tuple[UUID, str], StoreSet] = OrderedDict()
        self._lock = Lock()

    def known(self, tenant_id: UUID, store_uid: str, *, at: datetime) -> StoreSet | None:
        """The set of a store as it was last read. Its user must compare its stamp."""
        key = tenant_id, store_uid
        with self._lock:
            store_set = self._sets.get(key)
            if store_set is None or at < store_set.since:
                return None
            self._sets.move_to_end(key)
            return store_set

    def get(self, session: Session, tenant_id: UUID, store_uid: str, *, at: datetime, now: datetime) -> StoreSet:
        """The set of a store as it is now.

        Raises:
            Invalid: ``unknown_store``.
        """
        known = self.known(tenant_id, store_uid, at=at)
        if known and known.stamp == store_set_queries.stamp(session, tenant_id):
            return known
        loaded = store_set_queries.store_set(session, tenant_id, store_uid, since=min(at, now - GRACE))
        self._store((tenant_id, store_uid), loaded)
        return loaded

    def _store(self, key: tuple[UUID, str], loaded: StoreSet) -> None:
        with self._lock:
            self._sets[key] = loaded
            self._sets.move_to_end(key)
            while len(self._sets) > 1 and sum(store_set.size for store_set in self._sets.values()) > self._most:
                self._sets.popitem(last=False)

    def trim(self, known: StoreSet) -> None:
        """Drop a set that has too many products; the next basket loads it again."""
        if known.size > self._most:
            with self._lock:
                self._sets.pop((known.tenant_id, known.store_uid), None)

    def __len__(self) -> int:
        return len(self._sets)


def campaign_cache_of(app: Flask) -> CampaignCache:
    """The cache of this process."""
    cache: CampaignCache = app.extensions.setdefault("campaign_cache", CampaignCache())
    return cache
