"""A process for tests to kill: ``publish URL NOUN`` or ``consume URL SUBSCRIBER work|hang``; reports on stdout."""

import itertools
import os
import signal
import sys
import threading
from collections.abc import Sequence

from chassis.messaging.broker import Broker, Message, connect
from chassis.messaging.broker.embedded import EmbeddedBroker


def report(*words: str) -> None:
    """One write, so that a kill never leaves half a line: what is reported has happened."""
    os.write(1, (" ".join(words) + "\n").encode())


def publish(url: str, noun: str) -> None:
    broker = connect(url, "child")
    for first in itertools.count(step=10):
        batch = [Message(f"{n:05d}", f"{noun}.Thing.v1", b"x" * 500) for n in range(first, first + 10)]
        confirmed = broker.publish(batch)
        report(*(message.id for message in batch[:confirmed]))


def consume(url: str, subscriber: str, behaviour: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def handle(batch: Sequence[Message]) -> None:
        report(*(message.id for message in batch))
        threading.Event().wait(None if behaviour == "hang" else 0.01)

    broker = _broker(url)
    broker.consume(subscriber, handle, stop=stop, prefetch=5)
    broker.close()


def _broker(url: str) -> Broker:
    """A short lease, so that nobody waits half a minute until a killed consumer is noticed."""
    if url.startswith("embedded://"):
        return EmbeddedBroker(url.removeprefix("embedded://"), "child", lease=1.0)
    return connect(url, "child")


if __name__ == "__main__":
    {"publish": publish, "consume": consume}[sys.argv[1]](*sys.argv[2:])
