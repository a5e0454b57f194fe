"""One role of the sample service as a process: ``relay DATABASE BROKER`` or ``consume DATABASE BROKER FILE``.

The consumer writes into the file when each event's effect was committed.
"""

import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from chassis.core import logs
from chassis.data.database import Database
from chassis.messaging.broker import Broker, Message, connect
from chassis.messaging.consumer import Consumer
from chassis.messaging.events import Subscriber
from chassis.messaging.relay import Relay
from tests.chassis.sample import copy_note

SUBSCRIBER = Subscriber("bench", (copy_note,))


class Timed(Consumer):
    """Writes down when a batch was committed."""

    def __init__(self, database: Database, broker: Broker, path: Path) -> None:
        super().__init__(SUBSCRIBER, database, broker)
        self._file = path.open("a", buffering=1)

    def handle(self, batch: Sequence[Message]) -> None:
        super().handle(batch)
        now = time.time()
        self._file.write("".join(f"{message.id} {now}\n" for message in batch))


def main(role: str, database_url: str, broker_url: str, *rest: str) -> None:
    logs.configure("WARNING", "console")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    database, broker = Database(database_url), connect(broker_url, f"bench.{role}")
    print("ready", flush=True)
    if role == "relay":
        Relay("sample", database, broker).run(stop)
    else:
        Timed(database, broker, Path(rest[0])).run(stop)
    broker.close()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
