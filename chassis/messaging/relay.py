"""Publishes a service's outbox: one active relay per service, in order, marking only what the broker confirmed.

Any number of relays may run; an advisory lock lets one work at a time, the others stand by. A relay that dies between
publishing and marking publishes again, and the subscribers' inboxes absorb that. Nothing is ever skipped.
"""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Row, Select, any_, delete, func, literal, select, text, update
from sqlalchemy.orm import Session

from chassis.core import metrics
from chassis.core.backoff import Backoff
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.messaging.broker import Broker, BrokerUnavailable, Message, TopologyBroken
from chassis.messaging.outbox import UNSENT, OutboxRow

BATCH = 500  # rows of one lease and one transaction: a tenth of a second's work, and what a crash repeats at most
POLL = 0.05  # seconds between looks at an empty outbox; a commit in the same process wakes the relay at once
PATIENCE = 10.0  # seconds between tries at a broker that is away or refuses, at most
KEEP_SENT = timedelta(hours=24)
TRIM = 1000
LEASE = text(
    "SELECT pg_try_advisory_xact_lock(hashtext('concord.relay')) AND current_setting('transaction_read_only') = 'off'"
)
COUNTED = 100_000  # a longer backlog is not counted to its end

log = logger(__name__)


class Relay:
    """Moves rows from one service's outbox to the broker."""

    def __init__(self, service: str, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._system = Principal.system(service)
        self._full = False  # the last batch was, so there is most likely more

    def run(self, stop: Event) -> None:
        """Publish until ``stop`` is set; a batch under way is finished.

        A message that the broker returned stays in the outbox and is sent again: everything is kept in the archive, so
        it means that somebody changed the topology. The next try declares it again; people are told all the same.
        """
        backoff = Backoff(cap=PATIENCE)
        while not stop.is_set():
            try:
                sent = self.publish_batch()
            except Exception as error:
                metrics.relay_failures.inc()
                if isinstance(error, TopologyBroken):
                    metrics.relay_returned.inc()
                    log.error("the broker's topology is broken, events wait", error=repr(error))
                else:
                    log.warning("relay failed, trying again", error=repr(error))
                stop.wait(backoff.next())
                continue
            backoff.reset()
            if sent < BATCH:
                self._database.wake_relay.wait(POLL)
                self._database.wake_relay.clear()

    def publish_batch(self) -> int:
        """Publish what waits, at most ``BATCH`` rows; return how many were confirmed, 0 also for a standby.

        Raises:
            BrokerUnavailable, TopologyBroken: after the confirmed rows were marked.
        """
        with acting_as(self._system):
            if not self._full and not self._anything_waits():
                return 0
            if self._database.dialect == "postgresql":
                confirmed, failure = self._publish_under_advisory_lock()
            else:
                confirmed, failure = self._publish_under_file_lock()
        self._full = confirmed == BATCH
        metrics.relay_published.inc(confirmed)
        if failure:
            raise failure
        return confirmed

    def _anything_waits(self) -> bool:
        with self._database.read() as session:
            return session.execute(_waiting().with_only_columns(OutboxRow.id).limit(1)).first() is not None

    def _publish_under_advisory_lock(self) -> tuple[int, Exception | None]:
        """The lease is the transaction's, so it ends with its connection, however that ends. Nobody has it where the
        database may only be read, such as one that another machine takes over from: it could note nothing as sent."""
        with self._database.begin() as session:
            if not session.execute(LEASE).scalar():
                return 0, None
            rows = session.execute(_waiting()).all()
            confirmed, failure = self._publish(rows)
            _mark(session, rows, confirmed, failure)
            return confirmed, failure

    def _publish_under_file_lock(self) -> tuple[int, Exception | None]:
        """On SQLite a transaction would lock out every writer while the broker is asked; the lease is a file's."""
        with file_lease(f"{self._database.engine.url.database}.relay") as held:
            if not held:
                return 0, None
            with self._database.read() as session:
                rows = session.execute(_waiting()).all()
            confirmed, failure = self._publish(rows)
            with self._database.begin() as session:
                _mark(session, rows, confirmed, failure)
            return confirmed, failure

    def _publish(self, rows: Sequence[Row[Any]]) -> tuple[int, Exception | None]:
        messages = [Message(str(row.event_id), row.type, row.body.encode()) for row in rows]
        try:
            confirmed = self._broker.publish(messages)
        except (BrokerUnavailable, TopologyBroken) as error:
            return 0, error
        if confirmed < len(messages):
            return confirmed, BrokerUnavailable(f"the broker refused {messages[confirmed].type}")
        return confirmed, None


def trim_sent(session: Session) -> int:
    """Delete some of the rows that were sent long ago. Looks only at the oldest, so it is cheap to call often."""
    oldest = select(OutboxRow.id).order_by(OutboxRow.id).limit(TRIM)
    result = session.execute(
        delete(OutboxRow).where(OutboxRow.id.in_(oldest), OutboxRow.sent_at < utcnow() - KEEP_SENT)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def backlog(session: Session) -> tuple[int, float]:
    """How many events wait (``COUNTED`` also stands for more), and the age of the oldest in seconds."""
    waiting = select(OutboxRow.created_at).where(UNSENT).order_by(OutboxRow.id)
    count = session.scalar(select(func.count()).select_from(waiting.limit(COUNTED).subquery()))
    oldest = session.scalar(waiting.limit(1))
    return count or 0, (utcnow() - oldest).total_seconds() if oldest else 0.0


def _waiting() -> Select[Any]:
    """Always the first unsent rows, never those after the last one sent: ids are handed out before they commit."""
    columns = (OutboxRow.id, OutboxRow.event_id, OutboxRow.type, OutboxRow.body)
    return select(*columns).where(UNSENT).order_by(OutboxRow.id).limit(BATCH)


def _mark(session: Session, rows: Sequence[Row[Any]], confirmed: int, failure: Exception | None) -> None:
    if confirmed:
        sent = update(OutboxRow).where(_among(session, [row.id for row in rows[:confirmed]])).values(sent_at=utcnow())
        session.execute(sent, execution_options={"synchronize_session": False})
    if failure and confirmed < len(rows):
        refused = update(OutboxRow).where(OutboxRow.id == rows[confirmed].id)
        session.execute(refused.values(attempts=OutboxRow.attempts + 1, last_error=repr(failure)[:500]))


def _among(session: Session, ids: Sequence[int]) -> ColumnElement[bool]:
    """On PostgreSQL one array: a statement with hundreds of parameters is built and parsed anew each time."""
    if session.get_bind().dialect.name == "postgresql":
        return OutboxRow.id == any_(literal(ids, ARRAY(BigInteger)))
    return OutboxRow.id.in_(ids)


@contextmanager
def file_lease(path: str) -> Iterator[bool]:
    """Whether this process alone holds ``path`` for the block; the lock dies with the process."""
    with Path(path).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
