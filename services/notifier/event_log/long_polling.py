"""Long polling: a bounded number of requests may wait for an event, without a database connection."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic
from uuid import UUID

from chassis.process.lifecycle import stopping

LOOK = 0.25  # seconds between looks
PER_TENANT = 2


class WaitingRoom:
    """The requests that wait in one process. A request without a seat is answered at once.

    Args:
        seats: threads that may wait; the other threads serve requests.
    """

    def __init__(self, seats: int, stopping: Event = stopping) -> None:
        self._seats = seats
        self._stopping = stopping
        self._taken: Counter[UUID] = Counter()
        self._lock = Lock()

    @property
    def taken(self) -> int:
        return self._taken.total()

    def watch(self, seconds: float, has_happened: Callable[[], bool]) -> bool:
        """Look again and again until it has happened; False when the time is up or the process stops."""
        deadline = monotonic() + seconds
        while not self._stopping.wait(max(0.0, min(LOOK, deadline - monotonic()))):
            if has_happened():
                return True
            if monotonic() >= deadline:
                return False
        return False

    @contextmanager
    def seat(self, tenant_id: UUID) -> Iterator[bool]:
        """A seat for a request; False if none is free. A process that stops has none."""
        with self._lock:
            is_full = self.taken >= self._seats or self._taken[tenant_id] >= PER_TENANT
            free = not is_full and not self._stopping.is_set()
            self._taken[tenant_id] += free
        try:
            yield free
        finally:
            with self._lock:
                self._taken[tenant_id] -= free
                if not self._taken[tenant_id]:
                    del self._taken[tenant_id]
