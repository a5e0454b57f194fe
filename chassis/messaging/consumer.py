"""Takes events from the subscriber's queue: inbox row and effect in one transaction, then the acknowledgement.

A handler that returns has handled its event. One that raises :class:`Drop` sends it to the dead letters. One that
raises anything else has it parked in the database and tried again, 8 times over growing delays, then it is dead too.
A message is acknowledged once it is handled, parked, dead or kept for its turn, so a bad one never holds up others.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, false, select
from sqlalchemy.orm import Session

from chassis.core import context, metrics
from chassis.core.backoff import Backoff
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.data.errors import is_away
from chassis.data.unit_of_work import once_committed, savepoint
from chassis.messaging import retry_table
from chassis.messaging.broker import Broker, Message, TopologyBroken
from chassis.messaging.broker.topic import matches
from chassis.messaging.events import Series, Subscriber, Subscription, as_id, parse, series_of, tenants_of
from chassis.messaging.inbox import AheadRow, InboxRow, ParkedRow, remember
from chassis.messaging.resequencer import SETTLE, Displaced, Gate, Turn

BATCH = 50  # events of one transaction
# The next batch is at hand when one is committed: a consumer that has to ask for it idles for a third of its time.
# So many events come again at most when a consumer dies.
PREFETCH = 2 * BATCH
RETRY_POLL = 0.5  # seconds between looks for parked events that are due
SWEEP = 5.0  # seconds between looks for waiting events whose turn has come unnoticed

log = logger(__name__)


class Consumer:
    """One subscriber's handlers on its queue."""

    def __init__(self, subscriber: Subscriber, database: Database, broker: Broker) -> None:
        self._name = subscriber.name
        self._patterns = subscriber.patterns
        self._subscriptions = subscriber.subscriptions
        self._gate = Gate(subscriber.name) if subscriber.ordered else None
        self._hold = subscriber.hold
        self._database = database
        self._broker = broker
        self._system = Principal.system(subscriber.name)
        self._handlers: dict[str, list[Subscription]] = {}  # by type, as types come by
        self._empty_since: datetime | None = None  # at each look since then the queue was empty

    def run(self, stop: Event) -> None:
        """Handle events until ``stop`` is set; reconnects and declares its queue again for as long as it takes.

        It takes no message before the database takes changes: each that it gave back would come closer to being dead.
        """
        backoff = Backoff(cap=15)

        def handle(batch: Sequence[Message]) -> None:
            self.handle(batch)
            backoff.reset()

        while not stop.is_set():
            try:
                self._ask_database()
                self._broker.declare(self._name, self._patterns)
                self._broker.consume(self._name, handle, stop=stop, prefetch=PREFETCH, batch=BATCH)
            except Exception as error:
                metrics.consumer_failures.inc()
                level = log.error if isinstance(error, TopologyBroken) else log.warning
                level("consumer stopped, starting again", subscriber=self._name, error=repr(error))
                stop.wait(backoff.next())

    def _ask_database(self) -> None:
        """Raise unless it takes changes: one that another machine takes over from may still be read."""
        with acting_as(self._system), self._database.begin() as session:
            session.execute(delete(InboxRow).where(false()))

    def handle(self, batch: Sequence[Message]) -> None:
        """Handle a batch in one transaction; when one of it fails, each in its own.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is away; nothing was acknowledged.
        """
        with acting_as(self._system):
            try:
                with self._database.begin() as session:
                    outcomes = self._apply(session, batch)
            except Exception as error:
                if is_away(error):
                    raise
                for message in batch:
                    self._handle_alone(message)
            else:
                self._count(outcomes)

    def _handle_alone(self, message: Message) -> None:
        try:
            with self._database.begin() as session:
                outcomes = self._apply(session, [message])
        except Exception as error:
            if is_away(error):
                raise
            with self._database.begin() as session:
                self._park(session, message, error)
        else:
            self._count(outcomes)

    def _apply(self, session: Session, batch: Sequence[Message]) -> list[str | None]:
        """Take the events' effects into the transaction; return their types, None for those handled before."""
        events = [parse(message.body) for message in batch]
        turns = [Turn.NOW] * len(events)
        if self._gate:
            turns = self._gate.admit(session, [(e, m.body) for e, m in zip(events, batch, strict=True)])
        due = [event for event, turn in zip(events, turns, strict=True) if turn is Turn.NOW]
        outcomes = self._take(session, due) + [None for turn in turns if turn in (Turn.AGAIN, Turn.BEFORE_START)]
        if self._gate:
            outcomes += self._follow_up(session, {series_of(event) for event in due})
        return outcomes

    def _take(self, session: Session, events: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """Inbox rows of all, then the effect of each one that was new."""
        new = remember(session, self._name, {as_id(event["id"]) for event in events}, utcnow())
        if self._hold and new:
            self._hold(session, sorted({tenant for event in events for tenant in tenants_of(event)}))
        outcomes: list[str | None] = []
        taken = []
        for event in events:
            event_id = as_id(event["id"])
            if event_id in new:
                new.remove(event_id)  # the same one may stand twice in a batch
                taken.append(event)
                outcomes.append(str(event["type"]))
            else:
                outcomes.append(None)
        for run in self._runs(taken):
            self._run_handlers(session, run.handlers, run.events)
        return outcomes

    def _runs(self, events: Sequence[Mapping[str, Any]]) -> list["_Run"]:
        """Events that the same handlers take, brought together where these want it; of one series all stay in order."""
        runs: list[_Run] = []
        for event in events:
            one = _Run(self._handlers_of(event["type"]), [event], {series_of(event)})
            for run in reversed(runs):
                if run.handlers == one.handlers:
                    run.events.append(event)
                    run.series |= one.series
                    break
                if run.series & one.series or not (run.together and one.together):
                    runs.append(one)
                    break
            else:
                runs.append(one)
        return runs

    def _run_handlers(
        self, session: Session, handlers: Sequence[Subscription], events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Hand a run over; its events take effect in their order."""
        if alone := [handler for handler in handlers if not handler.together]:
            for event in events:
                self._hand_over(session, alone, event)
        for handler in handlers:
            if handler.together:
                handler.take_together(session, events)

    def _hand_over(self, session: Session, handlers: Sequence[Subscription], event: Mapping[str, Any]) -> None:
        context.traceparent.set(context.accept_traceparent(event.get("traceparent")))
        context.request_id.set(event.get("correlationid"))
        with structlog.contextvars.bound_contextvars(event_id=event["id"], event_type=event["type"]):
            for handler in handlers:
                handler(session, event)

    def _handlers_of(self, event_type: str) -> list[Subscription]:
        if event_type not in self._handlers:
            found = [one for one in self._subscriptions if matches(one.event_type, event_type)]
            self._handlers[event_type] = found
        return self._handlers[event_type]

    def _follow_up(self, session: Session, series: Collection[Series]) -> list[str | None]:
        """Take waiting events whose turn has come, in series this transaction holds; one that fails is parked."""
        outcomes: list[str | None] = []

        def message_of(row: AheadRow) -> Message:
            return Message(str(row.event_id), row.type, row.body.encode())

        def take(row: AheadRow) -> bool:
            try:
                with savepoint(session):
                    outcomes.extend(self._take(session, [parse(row.body.encode())]))
            except Exception as error:
                if is_away(error):
                    raise
                self._park(session, message_of(row), error)
                return False
            return True

        def give_up(row: AheadRow, error: Displaced) -> None:
            self._park(session, message_of(row), error)

        if self._gate and series:
            self._gate.follow_up(session, series, take, give_up)
        return outcomes

    def _park(self, session: Session, message: Message, error: Exception) -> None:
        log.warning("event parked", event_id=message.id, event_type=message.type, error=repr(error))
        metrics.events_parked.inc()
        retry_table.park(session, self._name, message, error)
        self._alarm(session, message, error)
        place = retry_table.place_of(message)
        if self._gate and place and not isinstance(error, Displaced):
            self._gate.begin(session, *place)

    def _alarm(self, session: Session, message: Message, error: Exception) -> None:
        """Tell people of an event that was never handled although its place has been: something numbers wrongly."""
        if isinstance(error, Displaced):
            once_committed(session, metrics.events_displaced.labels(self._name).inc)
            about = {"event_id": message.id, "event_type": message.type, "subscriber": self._name}
            log.error("event out of its place was never handled", **about, error=str(error))

    def retry_parked(self, stop: Event) -> None:
        """Try parked events again when they are due, and waiting ones when it is their turn, until ``stop`` is set."""
        backoff = Backoff(cap=15)
        swept = 0.0
        while not stop.is_set():
            try:
                pause = 0.0 if self.retry_one() else RETRY_POLL
                if self._gate and time.monotonic() - swept > SWEEP and not self.sweep(begin=self.has_caught_up()):
                    swept = time.monotonic()
                backoff.reset()
            except Exception as error:
                log.warning("retrying parked events failed", subscriber=self._name, error=repr(error))
                pause = backoff.next()
            stop.wait(pause)

    def retry_one(self) -> bool:
        """Try one due event again; say whether there was one."""
        with acting_as(self._system), self._database.read() as session:
            if not retry_table.is_any_due(session, self._name, utcnow()):
                return False
        with acting_as(self._system), self._database.begin() as session:
            row = retry_table.next_due(session, self._name, utcnow())
            if row is None:
                return False
            try:
                with savepoint(session):
                    outcomes = self._apply_again(session, row)
            except Exception as error:
                if is_away(error):
                    raise
                retry_table.put_off(row, error)
                self._alarm(session, _message_of(row), error)
            else:
                session.delete(row)
                once_committed(session, partial(self._count, outcomes))
            return True

    def _apply_again(self, session: Session, row: ParkedRow) -> list[str | None]:
        message = _message_of(row)
        if not row.forced:
            return self._apply(session, [message])
        event = parse(message.body)
        session.execute(delete(InboxRow).where(InboxRow.consumer == self._name, InboxRow.event_id == UUID(event["id"])))
        outcomes = self._take(session, [event])
        if self._gate:
            self._gate.skip(session, series_of(event), int(event["sequence"]))
        return outcomes

    def has_caught_up(self) -> bool:
        """Whether the queue has been found empty at each look for ``SETTLE``, while events waited for their turn.

        Before that an earlier event of a series may still be in it: behind a backlog, or come back from a consumer
        that died. Nothing is asked while nothing waits.
        """
        now = utcnow()
        if not self._is_any_early() or self._broker.depth(self._name):
            self._empty_since = None
            return False
        self._empty_since = self._empty_since or now
        return now - self._empty_since >= SETTLE

    def sweep(self, *, begin: bool = True) -> bool:
        """Take waiting events that nothing else would wake: the rest of a long row and, where series may ``begin`` with
        what is there, a late subscriber's first."""
        gate = self._gate
        if gate is None or not self._is_any_early():
            return False
        found = False
        looks: list[Callable[[Session], list[Series]]] = [gate.ready]
        if begin:
            looks.insert(0, partial(gate.settle, now=utcnow()))
        for look in looks:  # one transaction each: both hold in one order
            with acting_as(self._system), self._database.begin() as session:
                series = look(session)
                outcomes = self._follow_up(session, series)
            self._count(outcomes)
            found = found or bool(series)
        return found

    def _is_any_early(self) -> bool:
        early = select(AheadRow.sequence).where(AheadRow.consumer == self._name).limit(1)
        with acting_as(self._system), self._database.read() as session:
            return session.execute(early).first() is not None

    def _count(self, outcomes: Iterable[str | None]) -> None:
        """Count effects once they are committed."""
        for event_type, count in Counter(outcomes).items():
            if event_type is None:
                metrics.events_duplicate.labels(self._name).inc(count)
            else:
                metrics.events_handled.labels(self._name, event_type).inc(count)


@dataclass
class _Run:
    """Events of a batch that the same handlers take one after the other."""

    handlers: list[Subscription]
    events: list[Mapping[str, Any]]
    series: set[Series]

    @property
    def together(self) -> bool:
        return all(handler.together for handler in self.handlers)


def _message_of(row: ParkedRow) -> Message:
    return Message(row.event_id, row.type, row.body.encode())
