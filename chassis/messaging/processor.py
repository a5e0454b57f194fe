"""The processor: brings the inbox rows and the effects of events into one transaction, which the caller begins."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from chassis.core import metrics
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.errors import is_away
from chassis.data.unit_of_work import once_committed, savepoint
from chassis.messaging import retry_table
from chassis.messaging.broker import Message
from chassis.messaging.dispatcher import Dispatcher
from chassis.messaging.events import Series, Subscriber, as_id, parse, series_of, tenants_of
from chassis.messaging.inbox import InboxRow, remember
from chassis.messaging.resequencer import Displaced, Resequencer

log = logger(__name__)


class Processor:
    """What one subscriber does with an event, whether the event comes from its queue, its retry table or its turn.

    ``resequencer`` is None where the subscriber is not ordered. Effects are counted once they are committed.
    """

    def __init__(self, subscriber: Subscriber) -> None:
        self.resequencer = Resequencer(subscriber.name) if subscriber.ordered else None
        self._name = subscriber.name
        self._lock_tenants = subscriber.lock_tenants
        self._dispatcher = Dispatcher(subscriber.subscriptions)

    def process(self, session: Session, messages: Sequence[Message]) -> None:
        """Handle events that were not handled before, each in its turn, and those that waited for them.

        Raises:
            Exception: what a handler raised; the caller's transaction must be rolled back.
        """
        events: list[Mapping[str, Any]] = [parse(message.body) for message in messages]
        if self.resequencer is None:
            self._handle_new(session, events)
            return
        bodies = [message.body for message in messages]
        due, duplicates = self.resequencer.admit(session, list(zip(events, bodies, strict=True)))
        self._count(session, due=(), duplicates=duplicates)
        self._handle_new(session, due)
        self.process_waiting(session, {series_of(event) for event in due})

    def process_waiting(self, session: Session, series: Collection[Series]) -> None:
        """Handle waiting events whose turn has come, in series that this transaction has locked; store failures."""
        if self.resequencer is None or not series:
            return
        for row, cursor, displaced in self.resequencer.release(session, series):
            try:
                if displaced:
                    raise displaced
                with savepoint(session):
                    self._handle_new(session, [parse(row.message.body)])
            except Exception as error:
                if is_away(error):
                    raise
                self.fail(session, row.message, error)
            else:
                cursor.advance()

    def process_by_force(self, session: Session, message: Message) -> None:
        """Handle an event whatever inbox and resequencer say; its series goes on if it stopped there."""
        event = parse(message.body)
        event_id = as_id(event["id"])
        session.execute(delete(InboxRow).where(InboxRow.consumer == self._name, InboxRow.event_id == event_id))
        self._handle_new(session, [event])
        if self.resequencer:
            self.resequencer.skip(session, series_of(event), int(event["sequence"]))

    def _handle_new(self, session: Session, events: Sequence[Mapping[str, Any]]) -> None:
        """Add the events to the inbox, then dispatch those that were not in it."""
        new = remember(session, self._name, {as_id(event["id"]) for event in events}, utcnow())
        if self._lock_tenants and new:
            self._lock_tenants(session, sorted({tenant for event in events for tenant in tenants_of(event)}))
        due = []
        for event in events:
            if (event_id := as_id(event["id"])) in new:
                new.remove(event_id)  # the same event may stand twice in a batch
                due.append(event)
        self._count(session, due, duplicates=len(events) - len(due))
        self._dispatcher.dispatch(session, due)

    def _count(self, session: Session, due: Sequence[Mapping[str, Any]], duplicates: int) -> None:
        for event_type, count in Counter(event["type"] for event in due).items():
            once_committed(session, partial(metrics.events_handled.labels(self._name, event_type).inc, count))
        if duplicates:
            once_committed(session, partial(metrics.events_duplicate.labels(self._name).inc, duplicates))

    def fail(self, session: Session, message: Message, error: Exception) -> None:
        """Store an event that failed in the retry table. An ordered subscriber's series stops there."""
        log.warning("event failed", event_id=message.id, event_type=message.type, error=repr(error))
        metrics.event_failures.inc()
        retry_table.add(session, self._name, message, error)
        self.alert(session, message, error)
        place = retry_table.place_of(message)
        if self.resequencer and place and not isinstance(error, Displaced):
            self.resequencer.stop_at(session, *place)

    def alert(self, session: Session, message: Message, error: Exception) -> None:
        """Report an event that was never handled although its place has passed: a writer numbers its events wrongly."""
        if isinstance(error, Displaced):
            once_committed(session, metrics.events_displaced.labels(self._name).inc)
            event = {"event_id": message.id, "event_type": message.type, "subscriber": self._name}
            log.error("event out of its place was never handled", **event, error=str(error))
