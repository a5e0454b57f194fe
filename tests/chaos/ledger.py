"""A subscriber that writes down every event it is given, in the order in which it takes effect.

Nothing in its table keeps an event from standing there twice or in the wrong place: only inbox and resequencer do that,
and the run's verdict reads here whether they did.
"""

import signal
import threading
from datetime import datetime
from uuid import UUID

from prometheus_client import start_http_server
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.core import logs
from chassis.core.clock import utcnow
from chassis.data.base import ChassisBase
from chassis.data.columns import NAMING, TYPES, BigId
from chassis.data.database import Database
from chassis.messaging.broker import connect
from chassis.messaging.consumer import Consumer
from chassis.messaging.events import Subscriber, on
from chassis.messaging.retries import Retries
from chassis.process import settings

NAME = "ledger"


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class Effect(Base):
    """An event that took effect; ``id`` counts effects in their order."""

    __tablename__ = "effects"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    event_id: Mapped[UUID]
    source: Mapped[str]
    subject: Mapped[UUID]
    sequence: Mapped[int]
    at: Mapped[datetime]


@on("#")
def write_down(session, event):
    place = {"source": event.source, "subject": event.subject, "sequence": event.sequence}
    session.add(Effect(event_id=event.id, **place, at=utcnow()))
    session.flush()  # in the order of the events, whatever else the batch holds


SUBSCRIBER = Subscriber(NAME, [write_down], ordered=True)


def prepare(url: str) -> None:
    """Make its tables, which have no migrations: nobody keeps a ledger longer than a run."""
    database = Database(url)
    for metadata in (ChassisBase.metadata, Base.metadata):
        metadata.create_all(database.engine)
    database.close()


def main() -> None:
    """Listen until SIGTERM; metrics stand where the other processes have theirs."""
    loaded = settings.load()
    logs.configure("WARNING", "console", service=NAME)
    host, _, port = loaded.bind.partition(":")
    start_http_server(int(port), host)
    database = Database(loaded.database_url_of(NAME))
    broker = connect(loaded.broker_url, f"{NAME}.consumer")
    consumer = Consumer(SUBSCRIBER, database, broker)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    retries = threading.Thread(target=Retries(SUBSCRIBER, database, broker).run, args=(stop,))
    retries.start()
    consumer.run(stop)
    retries.join()
    broker.close()
    database.close()


if __name__ == "__main__":
    main()
