"""Remembers which signatures have been used: in this process, or in the Redis that all gateways count their limits in.

In memory each gateway knows only what it has seen itself since it started, so several gateways, or one that restarts
within the ten minutes a signature is good for, need Redis. When Redis is away a signed request is
refused with 503: a limit may lapse for a while, this check must not.
"""

import math
import time
from collections.abc import Callable
from threading import Lock

from cachetools import TTLCache
from limits.errors import StorageError
from limits.storage import Storage
from limits.storage.memory import MemoryStorage

from chassis.core.errors import Upstream


class InMemory:
    """Has no limit in size, because an evicted signature could be replayed. Rate limits bound how many come."""

    def __init__(self, keep: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.used: TTLCache[str, bool] = TTLCache(math.inf, keep, timer=clock)
        self._lock = Lock()

    def is_first(self, what: str) -> bool:
        """Whether ``what`` has not been asked about before; of several at the same moment one is the first."""
        with self._lock:
            first = what not in self.used
            if first:
                self.used[what] = True
            return first


class Shared:
    """One counter for each signature; the request that counts to one is the first."""

    def __init__(self, storage: Storage, keep: int) -> None:
        self._storage = storage
        self._keep = keep

    def is_first(self, what: str) -> bool:
        """As in memory, among all gateways.

        Raises:
            Upstream: the storage is away.
        """
        try:
            return self._storage.incr(f"once/{what}", self._keep) == 1
        except StorageError as error:
            raise Upstream("Signatures cannot be checked right now.", retry_after=2) from error


ReplayGuard = InMemory | Shared


def replay_guard(storage: Storage, keep: int) -> ReplayGuard:
    """The right one for where limits are counted."""
    # The library's own memory store is no place for this: two threads may both count to one there.
    return InMemory(keep) if isinstance(storage, MemoryStorage) else Shared(storage, keep)
