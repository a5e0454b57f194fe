"""Stops asking a service that keeps failing, and lets one request at a time find out whether it is back.

pybreaker would do, but it holds its lock during the whole call, so that all requests to a service would queue up.
"""

import time
from collections.abc import Callable
from threading import Lock

CLOSED, HALF_OPEN, OPEN = "closed", "half-open", "open"
TRIAL = 60.0  # seconds after which a trial that never reported is forgotten and another one let through


class Breaker:
    """Opens after ``failures`` failed requests in a row, for ``pause`` seconds; then one trial decides.

    An admitted request reports its outcome with ``succeeded`` or ``failed``.
    """

    def __init__(self, failures: int, pause: float, on_change: Callable[[str], None]) -> None:
        self._failures = failures
        self._pause = pause
        self._on_change = on_change
        self._in_a_row = 0
        self._retry_at = 0.0
        self._lock = Lock()
        self.state = CLOSED

    def admit(self) -> bool:
        """Whether a request may be tried now."""
        if self.state == CLOSED:
            return True
        with self._lock:
            if self.state != CLOSED and time.monotonic() >= self._retry_at:
                self._retry_at = time.monotonic() + TRIAL
                self._change(HALF_OPEN)
                return True
            return self.state == CLOSED

    @property
    def retry_after(self) -> float:
        """Seconds until the next trial."""
        return max(0.0, self._retry_at - time.monotonic())

    def succeeded(self) -> None:
        if self.state == CLOSED and not self._in_a_row:  # nothing to note, and no lock for the common case
            return
        with self._lock:
            self._in_a_row = 0
            # An answer that was under way when the circuit opened proves nothing about now.
            if self.state == HALF_OPEN:
                self._change(CLOSED)

    def failed(self) -> None:
        with self._lock:
            self._in_a_row += 1
            if self.state == HALF_OPEN or (self.state == CLOSED and self._in_a_row >= self._failures):
                self._retry_at = time.monotonic() + self._pause
                self._change(OPEN)

    def _change(self, state: str) -> None:
        self.state = state
        self._on_change(state)
