"""Ways for broker tests to make messages, consume in the background, kill processes and wait without sleeping."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chassis.messaging.broker import Broker, Message
from chassis.messaging.broker.base import Handler

PATIENCE = 15.0
CHILD = Path(__file__).with_name("broker_child.py")


def rabbitmqctl(*arguments: str) -> str:
    return subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, capture_output=True, text=True).stdout


class Child:
    """A process of ``broker_child.py``, which reports line by line what it has done."""

    def __init__(self, *arguments: str):
        self._process = subprocess.Popen([sys.executable, str(CHILD), *arguments], stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """The next report; a child that is silent for too long is killed."""
        assert self._process.stdout is not None
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline().strip()
        finally:
            watchdog.cancel()
        assert line, "the child ended before it reported"
        return line

    def terminate(self) -> tuple[int, list[str]]:
        """SIGTERM; how it ended, and what it had still reported."""
        assert self._process.stdout is not None
        self._process.terminate()
        rest = self._process.stdout.read().splitlines()  # also what line() has read ahead
        return self._process.wait(PATIENCE), rest

    def kill(self) -> list[str]:
        """``kill -9``; what it had still reported."""
        if self._process.returncode is not None:
            return []
        self._process.kill()
        return self._process.communicate()[0].splitlines()


def messages(noun: str, count: int, start: int = 0) -> list[Message]:
    """``count`` messages of one type, whose ids tell their order."""
    return [Message(f"{n:05d}", f"{noun}.Thing.v1", b'{"n": %d}' % n) for n in range(start, start + count)]


def ids(batch: Sequence[Message]) -> list[str]:
    return [message.id for message in batch]


def collect(broker: Broker, subscriber: str, count: int, prefetch: int = 20) -> list[Message]:
    """Consume until ``count`` messages came; fewer when they do not come in time."""
    got: list[Message] = []
    stop = threading.Event()

    def handle(batch: Sequence[Message]) -> None:
        got.extend(batch)
        if len(got) >= count:
            stop.set()

    with stopping(stop, PATIENCE):
        broker.consume(subscriber, handle, stop=stop, prefetch=prefetch)
    return got


def consume(broker: Broker, subscriber: str, handle: Handler, prefetch: int = 20) -> None:
    """Consume until ``handle`` raises; returns, late, when it does not."""
    stop = threading.Event()
    with stopping(stop, PATIENCE):
        broker.consume(subscriber, handle, stop=stop, prefetch=prefetch)


@contextmanager
def stopping(stop: threading.Event, seconds: float) -> Iterator[None]:
    """Sets ``stop`` when the time is over, so that a case fails instead of hanging."""
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Consuming:
    """A consumer in its own thread: ``got`` so far, ``error`` that was raised. ``block`` stops it inside a batch."""

    def __init__(
        self, broker: Broker, subscriber: str, *, prefetch: int = 20, batch: int | None = None, block: bool = False
    ):
        self.got: list[Message] = []
        self.batches: list[list[str]] = []
        self.error: BaseException | None = None
        self.entered = threading.Event()
        self.release = threading.Event()
        self.stop = threading.Event()
        self._block = block
        arguments = {"stop": self.stop, "prefetch": prefetch, "batch": batch}
        self._thread = threading.Thread(target=self._run, args=(broker, subscriber), kwargs=arguments, daemon=True)

    def __enter__(self) -> "Consuming":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.release.set()
        self.join()

    def join(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the consumer did not end"

    def _run(self, broker: Broker, subscriber: str, **arguments: object) -> None:
        try:
            broker.consume(subscriber, self._handle, **arguments)  # type: ignore[arg-type]
        except BaseException as error:
            self.error = error

    def _handle(self, batch: Sequence[Message]) -> None:
        self.got.extend(batch)
        self.batches.append(ids(batch))
        self.entered.set()
        if self._block:
            assert self.release.wait(PATIENCE)


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until ``holds()`` is true, looking often; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
