"""The threads of a process beside its web server: work that runs until it is stopped, and tasks that are repeated."""

import threading
import time
from collections.abc import Callable
from functools import partial

from chassis.core import logs
from chassis.core.backoff import Backoff
from chassis.core.bell import Bell
from chassis.messaging.broker import Broker

QUIET = 10.0  # seconds between two log lines about the same work

log = logs.logger(__name__)


class Background:
    """Starts threads, starts work again that failed, and ends all of it together, each after its work in hand.

    Args:
        longest_pause: seconds that failed work waits at most before it is tried again.
        tolerated: failures in a row that are not logged: services start and restart.
    """

    def __init__(self, *, longest_pause: float = 30.0, tolerated: int = 0) -> None:
        self._longest_pause = longest_pause
        self._tolerated = tolerated
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._wakes: list[Callable[[], object]] = []
        self._brokers: list[Broker] = []

    def run(
        self,
        name: str,
        work: Callable[[threading.Event], None],
        *,
        wake: threading.Event | None = None,
        broker: Broker | None = None,
    ) -> None:
        """Run ``work``, which returns when the event that it is given is set.

        Args:
            wake: is set as well, when ``work`` may be waiting for it.
            broker: is closed after the work has ended.
        """
        self._wakes += [wake.set] if wake else []
        self._brokers += [broker] if broker else []
        self.repeat(name, 0.0, partial(work, self._stop))

    def repeat(
        self, name: str, every: float, task: Callable[[], object], *, at_exit: bool = False, bell: Bell | None = None
    ) -> None:
        """Call ``task`` again at once while it returns something true (there is more to do), else after ``every`` s.

        Args:
            at_exit: call it once more when the process stops, until nothing is left to do.
            bell: its ring ends the wait for ``every``; work that failed waits on.
        """
        self._wakes += [bell.ring] if bell else []
        arguments = (name, every, task, at_exit, bell)
        thread = threading.Thread(target=self._loop, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask all to end, give them ``timeout`` seconds together, and then close their brokers."""
        self._stop.set()
        for wake in self._wakes:
            wake()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for broker in self._brokers:
            broker.close()

    def _loop(
        self, name: str, every: float, task: Callable[[], object], at_exit: bool, bell: Bell | None = None
    ) -> None:
        backoff, failures, quiet_until = Backoff(cap=self._longest_pause), 0, 0.0
        while True:
            rings = bell.rings if bell else 0  # before the look at the stop, which rings as well
            if self._stop.is_set():
                break
            started = time.monotonic()
            try:
                pause = 0.0 if task() else every
            except Exception as error:
                now, failures = time.monotonic(), failures + 1
                if failures > self._tolerated and now >= quiet_until:
                    log.error("background work fails", work=name, failures=failures, exc_info=error)
                    quiet_until = now + QUIET
                if now - started > self._longest_pause:
                    backoff.reset()  # it went well for long; this failure is a new one
                pause = backoff.next()
            else:
                if failures > self._tolerated:
                    log.info("background work succeeds again", work=name)
                failures = 0
                backoff.reset()
            if bell and not failures:
                bell.wait(rings, pause)
            else:
                self._stop.wait(pause)
        if at_exit:
            self._finish(name, task)

    def _finish(self, name: str, task: Callable[[], object]) -> None:
        try:
            while task():
                pass
        except Exception as error:
            log.error("background work fails at the end", work=name, exc_info=error)
