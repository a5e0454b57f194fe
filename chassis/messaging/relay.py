"""The relay: publishes a service's outbox in order and marks only the rows that the broker confirmed.

Any number of relays may run; a lease lets one work at a time, the others stand by. A relay that dies between publishing
and marking publishes the rows again, and the subscribers' inboxes absorb that. No row is ever skipped.
"""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, text, update
from sqlalchemy.orm import Session

from chassis.core import metrics
from chassis.core.backoff import PATIENCE, Backoff
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.data.bulk import among, execute_counted
from chassis.data.database import Database
from chassis.messaging.broker import Broker, BrokerUnavailable, Message, TopologyBroken
from chassis.messaging.outbox import UNSENT, OutboxRow

BATCH = 500  # rows of one lease and one transaction: a tenth of a second's work, and at most repeated by a crash
# Seconds between looks at an empty outbox: where other processes fill it, and where ours does, whose commits wake the
# relay at once.
POLL, SELDOM = 0.05, 0.5
KEEP_SENT = timedelta(hours=24)
TRIM = 1000
LEASE = text(
    "SELECT pg_try_advisory_xact_lock(hashtext('concord.relay')) AND current_setting('transaction_read_only') = 'off'"
)
COUNTED = 100_000  # a longer backlog is not counted to its end

log = logger(__name__)


class Relay:
    """Moves rows from one service's outbox to the broker.

    Args:
        pause: seconds between two looks at an empty outbox.
    """

    def __init__(self, service: str, database: Database, broker: Broker, pause: float = POLL) -> None:
        self._database = database
        self._broker = broker
        self._system = Principal.system(service)
        self._pause = pause
        self._full = False  # the last batch was full, so most likely there is more
        self._found = False  # the last look found something, though another relay may have had the lease

    def run(self, stop: Event) -> None:
        """Publish until ``stop`` is set; a batch that has begun is finished.

        A message that the broker returned stays in the outbox and is sent again. The archive is bound to everything, so
        somebody must have changed the topology: the next attempt declares it again, and an error is logged.
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
                self._database.wake_relay.wait(POLL if self._found else self._pause)
                self._database.wake_relay.clear()

    def publish_batch(self) -> int:
        """Publish at most ``BATCH`` unsent rows; return how many were confirmed, 0 also for a standby.

        Raises:
            BrokerUnavailable, TopologyBroken: after the confirmed rows were marked.
        """
        with acting_as(self._system):
            self._found = self._full or self._is_any_unsent()
            if not self._found:
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

    def _is_any_unsent(self) -> bool:
        with self._database.read() as session:
            return session.execute(_unsent().with_only_columns(OutboxRow.id).limit(1)).first() is not None

    def _publish_under_advisory_lock(self) -> tuple[int, Exception | None]:
        """The lease belongs to the transaction, so it ends with the connection, however that ends. No relay gets it
        while the database is read-only, as during a failover: no row could be marked as sent."""
        with self._database.begin() as session:
            if not session.execute(LEASE).scalar():
                return 0, None
            rows = session.execute(_unsent()).all()
            confirmed, failure = self._publish(rows)
            _mark(session, rows, confirmed, failure)
            return confirmed, failure

    def _publish_under_file_lock(self) -> tuple[int, Exception | None]:
        """On SQLite a transaction would block every writer while the broker works, so the lease is a file lock."""
        with file_lease(f"{self._database.engine.url.database}.relay") as acquired:
            if not acquired:
                return 0, None
            with self._database.read() as session:
                rows = session.execute(_unsent()).all()
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
    """Delete some of the rows that were sent long ago. Reads only the oldest rows, so it is cheap to call often."""
    oldest = select(OutboxRow.id).order_by(OutboxRow.id).limit(TRIM)
    old = delete(OutboxRow).where(OutboxRow.id.in_(oldest), OutboxRow.sent_at < utcnow() - KEEP_SENT)
    return execute_counted(session, old)


def backlog(session: Session) -> tuple[int, float]:
    """The number of unsent events, at most ``COUNTED``, and the age of the oldest in seconds."""
    unsent = select(OutboxRow.created_at).where(UNSENT).order_by(OutboxRow.id)
    count = session.scalar(select(func.count()).select_from(unsent.limit(COUNTED).subquery()))
    oldest = session.scalar(unsent.limit(1))
    return count or 0, (utcnow() - oldest).total_seconds() if oldest else 0.0


def _unsent() -> Select[Any]:
    """Always the first unsent rows, never the rows after the last sent one: ids are assigned before they commit."""
    columns = (OutboxRow.id, OutboxRow.event_id, OutboxRow.type, OutboxRow.body)
    return select(*columns).where(UNSENT).order_by(OutboxRow.id).limit(BATCH)


def _mark(session: Session, rows: Sequence[Row[Any]], confirmed: int, failure: Exception | None) -> None:
    if confirmed:
        sent = update(OutboxRow).where(among(session, OutboxRow.id, [row.id for row in rows[:confirmed]]))
        execute_counted(session, sent.values(sent_at=utcnow()))
    if failure and confirmed < len(rows):
        refused = update(OutboxRow).where(OutboxRow.id == rows[confirmed].id)
        session.execute(refused.values(attempts=OutboxRow.attempts + 1, last_error=repr(failure)[:500]))


@contextmanager
def file_lease(path: str) -> Iterator[bool]:
    """Lock ``path`` for the block; False where another process has it. The lock ends with the process."""
    with Path(path).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
