"""A thread that does one thing every so often, and goes on whatever happens to it."""

from collections.abc import Callable
from threading import Event, Thread

from chassis.logs import logger

log = logger("gateway.background")


class Every:
    """Calls ``work`` every ``seconds``. A failure is logged when it begins and when it is over, not at every turn."""

    def __init__(self, seconds: float, name: str, work: Callable[[], None]) -> None:
        self._seconds = seconds
        self._name = name
        self._work = work
        self._failing = False
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
            if not self._failing:
                log.warning("background work fails", work=self._name, error=f"{type(error).__name__}: {error}")
            self._failing = True
        else:
            if self._failing:
                log.info("background work succeeds again", work=self._name)
            self._failing = False
