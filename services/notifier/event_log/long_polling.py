"""Long polling: a bounded number of requests may wait for something to happen, without a database connection."""

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
    """Seats for those who wait in one process. Who finds none is answered at once.

    Args:
        seats: threads that may wait; the others go on answering.
    """

    def __init__(self, seats: int, stopping: Event = stopping) -> None:
        self._seats = seats
        self._stopping = stopping
        self._taken: Counter[UUID] = Counter()
        self._lock = Lock()

    def wait(self, tenant_id: UUID, seconds: float, has_happened: Callable[[], bool]) -> bool:
        """Look again and again until it has happened; False when time is up, nothing is free or the process stops."""
        with self.seat(tenant_id) as seated:
            return seated and self.watch(seconds, has_happened)

    def watch(self, seconds: float, has_happened: Callable[[], bool]) -> bool:
        """The same for somebody who has a seat."""
        deadline = monotonic() + seconds
        while not self._stopping.wait(max(0.0, min(LOOK, deadline - monotonic()))):
            if has_happened():
                return True
            if monotonic() >= deadline:
                return False
        return False

    @contextmanager
    def seat(self, tenant_id: UUID) -> Iterator[bool]:
        """A place to wait; False where none is free. A process that stops has none."""
        with self._lock:
            is_full = self._taken.total() >= self._seats or self._taken[tenant_id] >= PER_TENANT
            free = not is_full and not self._stopping.is_set()
            self._taken[tenant_id] += free
        try:
            yield free
        finally:
            with self._lock:
                self._taken[tenant_id] -= free
                if not self._taken[tenant_id]:
                    del self._taken[tenant_id]
