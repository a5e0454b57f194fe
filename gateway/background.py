"""A thread that does one thing every so often, and goes on whatever happens to it."""

from collections.abc import Callable
from threading import Event, Thread

from chassis.core.logs import logger

TOLERATED = 3  # failures in a row that nobody need hear of: services start and restart

log = logger("gateway.background")


class Every:
    """Calls ``work`` every ``seconds``. Failures are logged once they go on, and when they are over."""

    def __init__(self, seconds: float, name: str, work: Callable[[], None]) -> None:
        self._seconds = seconds
        self._name = name
        self._work = work
        self._failures = 0
        self._stop = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            self._turn()
            if self._stop.wait(self._seconds):
                return

    def _turn(self) -> None:
        try:
            self._work()
        except Exception as error:
            self._failures += 1
            if self._failures == TOLERATED:
                log.warning("background work fails", work=self._name, error=f"{type(error).__name__}: {error}")
        else:
            if self._failures >= TOLERATED:
                log.info("background work succeeds again", work=self._name)
            self._failures = 0
