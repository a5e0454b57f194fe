"""What is active in each store, kept in this process for as long as nothing has changed.

Nobody is told of a change. Whoever uses a set compares its stamp with that of the tenant's catalogue, one row by its
key, so a change that any process has committed counts from the next evaluation on.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from flask import Flask
from sqlalchemy.orm import Session

from services.promotions.evaluations import store_set_queries as queries
from services.promotions.evaluations.store_set_queries import StoreSet

MOST = 200_000
"""Campaigns and products that are kept altogether, some 200 MB; those of the store that was not asked for the longest
go first."""
GRACE = timedelta(days=1)
"""Campaigns that ended longer ago are not looked at, unless the moment that is asked for lies before."""


class ActiveSets:
    """The sets of a process."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sets: OrderedDict[tuple[UUID, str], StoreSet] = OrderedDict()
        self._lock = Lock()

    def known(self, tenant_id: UUID, store_uid: str, *, at: datetime) -> StoreSet | None:
        """The set of a store as it was when it was last looked at. Whoever uses it must compare its stamp."""
        key = tenant_id, store_uid
        with self._lock:
            found = self._sets.get(key)
            if found is None or at < found.since:
                return None
            self._sets.move_to_end(key)
            return found

    def get(self, session: Session, tenant_id: UUID, store_uid: str, *, at: datetime, now: datetime) -> StoreSet:
        """The set of a store as it is now.

        Raises:
            Invalid: ``unknown_store``.
        """
        found = self.known(tenant_id, store_uid, at=at)
        if found and found.stamp == queries.stamp(session, tenant_id):
            return found
        loaded = queries.store_set(session, tenant_id, store_uid, since=min(at, now - GRACE))
        self._keep((tenant_id, store_uid), loaded)
        return loaded

    def _keep(self, key: tuple[UUID, str], loaded: StoreSet) -> None:
        with self._lock:
            self._sets[key] = loaded
            self._sets.move_to_end(key)
            while len(self._sets) > 1 and sum(each.size for each in self._sets.values()) > self._most:
                self._sets.popitem(last=False)

    def trim(self, known: StoreSet) -> None:
        """Forget a set that has learned too many products; the next basket starts it anew."""
        if known.size > self._most:
            with self._lock:
                self._sets.pop((known.tenant_id, known.store_uid), None)

    def __len__(self) -> int:
        return len(self._sets)


def sets_of(app: Flask) -> ActiveSets:
    """The sets of this process' application."""
    sets: ActiveSets = app.extensions.setdefault("active_sets", ActiveSets())
    return sets
