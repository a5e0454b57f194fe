"""Campaign cache: the active campaigns of each store, in this process, for as long as nothing has changed.

Processes send each other no word of a change. Code that uses a store set compares its stamp with that of the tenant's
catalogue, one row found by its key. So a change that any process has committed counts from the next evaluation on.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from operator import attrgetter
from threading import Lock
from uuid import UUID

from cachetools import LRUCache
from flask import Flask
from sqlalchemy.orm import Session

from services.promotions.evaluations import store_set_queries
from services.promotions.evaluations.store_set_queries import StoreSet

MOST = 200_000
"""Campaigns and products of all stores, some 200 MB. Beyond that the least recently used store goes first."""
GRACE = timedelta(days=1)
"""Campaigns that ended longer ago are not loaded, unless an evaluation asks for an earlier moment."""


class CampaignCache:
    """The store sets of a process."""

    def __init__(self, most: int = MOST) -> None:
        self._sets: LRUCache[tuple[UUID, str], StoreSet] = LRUCache(most, getsizeof=attrgetter("size"))
        self._lock = Lock()

    def last_read(self, tenant_id: UUID, store_uid: str, *, at: datetime) -> StoreSet | None:
        """The set of a store as it was last read. Its user must compare its stamp."""
        with self._lock:
            store_set = self._sets.get((tenant_id, store_uid))
        return store_set if store_set is not None and at >= store_set.since else None

    def current(self, session: Session, tenant_id: UUID, store_uid: str, *, at: datetime, now: datetime) -> StoreSet:
        """The set of a store as it is now. A caller that adds products to it calls ``put`` afterwards.

        Raises:
            Invalid: ``unknown_store``.
        """
        store_set = self.last_read(tenant_id, store_uid, at=at)
        if store_set and store_set.stamp == store_set_queries.stamp(session, tenant_id):
            return store_set
        return store_set_queries.store_set(session, tenant_id, store_uid, since=min(at, now - GRACE))

    def put(self, store_set: StoreSet) -> None:
        """Remember a set at its present size. One that is too large is left out; the next basket loads it again."""
        key = store_set.tenant_id, store_set.store_uid
        with self._lock, suppress(ValueError):  # raised for a value larger than the cache
            self._sets.pop(key, None)
            self._sets[key] = store_set

    def __len__(self) -> int:
        return len(self._sets)


def campaign_cache_of(app: Flask) -> CampaignCache:
    """The cache of this process."""
    cache: CampaignCache = app.extensions.setdefault("campaign_cache", CampaignCache())
    return cache
