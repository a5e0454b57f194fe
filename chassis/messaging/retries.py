"""Retries: tries failed events again when they are due, and sweeps up waiting ones that nothing else would wake."""

import time
from datetime import datetime
from threading import Event

from sqlalchemy import select

from chassis.core.backoff import PATIENCE, Backoff
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.data.errors import is_away
from chassis.data.unit_of_work import savepoint
from chassis.messaging import retry_table
from chassis.messaging.broker import Broker
from chassis.messaging.events import Subscriber
from chassis.messaging.processor import Processor
from chassis.messaging.resequencer import SETTLE, AheadRow

RETRY_POLL = 0.5  # seconds between looks for failed events that are due
SWEEP = 5.0  # seconds between looks for waiting events whose turn has come unnoticed

log = logger(__name__)


class Retries:
    """The retry table of one subscriber, and its waiting events. ``broker`` says whether the queue is empty."""

    def __init__(self, subscriber: Subscriber, database: Database, broker: Broker) -> None:
        self._name = subscriber.name
        self._processor = Processor(subscriber)
        self._database = database
        self._broker = broker
        self._system = Principal.system(subscriber.name)
        self._empty_since: datetime | None = None  # at each look since then the queue was empty

    def run(self, stop: Event) -> None:
        """Try failed events again when they are due, and waiting ones when it is their turn, until ``stop`` is set."""
        backoff = Backoff(cap=PATIENCE)
        swept = 0.0
        while not stop.is_set():
            try:
                pause = 0.0 if self.retry_one() else RETRY_POLL
                if time.monotonic() - swept > SWEEP and not self.sweep(begin=self.has_caught_up()):
                    swept = time.monotonic()
                backoff.reset()
            except Exception as error:
                log.warning("retrying failed events failed", subscriber=self._name, error=repr(error))
                pause = backoff.next()
            stop.wait(pause)

    def retry_one(self) -> bool:
        """Try one due event again; say whether there was one."""
        with acting_as(self._system), self._database.read() as session:
            if not retry_table.is_any_due(session, self._name, utcnow()):
                return False
        with acting_as(self._system), self._database.begin() as session:
            row = retry_table.lock_next_due(session, self._name, utcnow())
            if row is None:
                return False
            try:
                with savepoint(session):
                    if row.forced:
                        self._processor.process_by_force(session, row.message)
                    else:
                        self._processor.process(session, [row.message])
            except Exception as error:
                if is_away(error):
                    raise
                row.fail(error)
                self._processor.alert(session, row.message, error)
            else:
                session.delete(row)
            return True

    def has_caught_up(self) -> bool:
        """Whether the queue has been found empty at each look for ``SETTLE``, while events waited for their turn.

        Before that an earlier event of a series may still be in it: behind a backlog, or come back from a consumer
        that died. Nothing is asked while nothing waits.
        """
        now = utcnow()
        if not self._is_any_waiting() or self._broker.depth(self._name):
            self._empty_since = None
            return False
        self._empty_since = self._empty_since or now
        return now - self._empty_since >= SETTLE

    def sweep(self, *, begin: bool = True) -> bool:
        """Handle waiting events that nothing else would wake: the rest of a long row and, where series may ``begin``
        with what has arrived, a late subscriber's first. Say whether there were any."""
        if self._processor.resequencer is None or not self._is_any_waiting():
            return False
        with acting_as(self._system), self._database.begin() as session:
            series = self._processor.resequencer.lock_ready(session, begin=begin)
            self._processor.process_waiting(session, series)
        return bool(series)

    def _is_any_waiting(self) -> bool:
        if self._processor.resequencer is None:
            return False
        with acting_as(self._system), self._database.read() as session:
            waiting = select(AheadRow.sequence).where(AheadRow.consumer == self._name).limit(1)
            return session.execute(waiting).first() is not None
