"""Takes events from the subscriber's queue: inbox row and effect in one transaction, then the acknowledgement.

A handler that returns has handled its event. One that raises :class:`Drop` sends it to the dead letters. One that
raises anything else has it parked in the database and tried again, 8 times over growing delays, then it is dead too.
A message is acknowledged once it is handled, parked or dead, so a bad one never holds up the others.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from threading import Event
from uuid import UUID

import structlog
from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from chassis import context, metrics
from chassis.broker import Broker, Message, TopologyBroken
from chassis.clock import utcnow
from chassis.database import Database, insert_ignoring
from chassis.events import Drop, Subscription, parse
from chassis.identity import Principal, acting_as
from chassis.inbox import DEAD, WAITING, InboxRow, ParkedRow
from chassis.logs import logger
from chassis.refusals import is_away
from chassis.retry import Backoff, delay_after

MAX_ATTEMPTS = 8
KEEP_INBOX = timedelta(days=30)
RETRY_POLL = 0.5  # seconds between looks for parked events that are due
TRIM = 1000

log = logger(__name__)


class Consumer:
    """One subscriber's handlers on its queue."""

    def __init__(
        self, subscriber: str, database: Database, broker: Broker, subscriptions: Sequence[Subscription]
    ) -> None:
        self._subscriber = subscriber
        self._database = database
        self._broker = broker
        self._system = Principal.system(subscriber)
        self._handlers: dict[str, list[Subscription]] = {}
        for subscription in subscriptions:
            self._handlers.setdefault(subscription.event_type, []).append(subscription)

    def run(self, stop: Event) -> None:
        """Handle events until ``stop`` is set; reconnects and declares its queue again for as long as it takes."""
        backoff = Backoff(cap=15)

        def handle(batch: Sequence[Message]) -> None:
            self.handle(batch)
            backoff.reset()

        while not stop.is_set():
            try:
                self._broker.declare(self._subscriber, sorted(self._handlers))
                self._broker.consume(self._subscriber, handle, stop=stop)
            except Exception as error:
                metrics.consumer_failures.inc()
                level = log.error if isinstance(error, TopologyBroken) else log.warning
                level("consumer stopped, starting again", error=repr(error))
                stop.wait(backoff.next())

    def handle(self, batch: Sequence[Message]) -> None:
        """Handle a batch in one transaction; when one of it fails, each in its own.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is away; nothing was acknowledged.
        """
        with acting_as(self._system):
            try:
                with self._database.begin() as session:
                    outcomes = [self._apply(session, message) for message in batch]
            except Exception as error:
                if is_away(error):
                    raise
                for message in batch:
                    self._handle_alone(message)
            else:
                _count(outcomes)

    def _handle_alone(self, message: Message) -> None:
        try:
            with self._database.begin() as session:
                outcome = self._apply(session, message)
        except Exception as error:
            if is_away(error):
                raise
            self._park(message, error)
        else:
            _count([outcome])

    def _apply(self, session: Session, message: Message) -> str | None:
        """Take an event's effect into the transaction; return its type, None when it was handled before."""
        received = parse(message.body)
        new = insert_ignoring(session, InboxRow, [{"event_id": UUID(received["id"]), "handled_at": utcnow()}])
        if not new:
            return None
        context.traceparent.set(context.accept_traceparent(received.get("traceparent")))
        context.request_id.set(received.get("correlationid"))
        with structlog.contextvars.bound_contextvars(event_id=received["id"], event_type=received["type"]):
            for handler in self._handlers.get(received["type"], []):
                handler(session, received)
        return str(received["type"])

    def _park(self, message: Message, error: Exception) -> None:
        now = utcnow()
        log.warning("event parked", event_id=message.id, event_type=message.type, error=repr(error))
        metrics.events_parked.inc()
        with self._database.begin() as session:
            row = {
                "event_id": _key(message),
                "type": message.type.replace("\x00", ""),
                "body": message.body.decode("utf-8", "replace").replace("\x00", ""),
                "state": DEAD if isinstance(error, Drop) else WAITING,
                "attempts": 1,
                "error": _reason(error),
                "parked_at": now,
                "next_at": now + delay_after(1),
            }
            insert_ignoring(session, ParkedRow, [row])

    def retry_parked(self, stop: Event) -> None:
        """Try parked events again when they are due, until ``stop`` is set."""
        backoff = Backoff(cap=15)
        while not stop.is_set():
            try:
                pause = 0.0 if self.retry_one() else RETRY_POLL
                backoff.reset()
            except Exception as error:
                log.warning("retrying parked events failed", error=repr(error))
                pause = backoff.next()
            stop.wait(pause)

    def retry_one(self) -> bool:
        """Try one due event again; say whether there was one."""
        with acting_as(self._system), self._database.read() as session:
            if session.execute(_due_ids()).first() is None:
                return False
        with acting_as(self._system), self._database.begin() as session:
            row = session.scalar(_due())
            if row is None:
                return False
            try:
                with session.begin_nested():
                    outcome = self._apply(session, Message(row.event_id, row.type, row.body.encode()))
            except Exception as error:
                if is_away(error):
                    raise
                _put_off(row, error)
            else:
                session.delete(row)
                _count([outcome])
            return True


def _key(message: Message) -> str:
    """What a parked event is known by: its own id, not the transport's, which others may leave out or repeat."""
    with contextlib.suppress(Drop):
        return str(parse(message.body)["id"])
    return message.id.replace("\x00", "") or f"sha256:{hashlib.sha256(message.body).hexdigest()}"


def _count(outcomes: Iterable[str | None]) -> None:
    """Count effects once they are committed."""
    for event_type in outcomes:
        if event_type is None:
            metrics.events_duplicate.inc()
        else:
            metrics.events_handled.labels(event_type).inc()


def trim_inbox(session: Session) -> int:
    """Forget some of the events handled long ago."""
    oldest = select(InboxRow.event_id).where(InboxRow.handled_at < utcnow() - KEEP_INBOX).limit(TRIM)
    result = session.execute(delete(InboxRow).where(InboxRow.event_id.in_(oldest)))
    return int(result.rowcount)  # type: ignore[attr-defined]


def parked_counts(session: Session) -> dict[str, int]:
    """How many events are ``waiting`` and ``dead``."""
    rows = session.execute(select(ParkedRow.state, func.count()).group_by(ParkedRow.state))
    return {WAITING: 0, DEAD: 0} | {row[0]: row[1] for row in rows}


def _due_ids() -> Select[tuple[str]]:
    due = select(ParkedRow.event_id).where(ParkedRow.state == WAITING, ParkedRow.next_at <= utcnow())
    return due.order_by(ParkedRow.next_at).limit(1)


def _due() -> Select[tuple[ParkedRow]]:
    due = select(ParkedRow).where(ParkedRow.state == WAITING, ParkedRow.next_at <= utcnow())
    return due.order_by(ParkedRow.next_at).limit(1).with_for_update(skip_locked=True)


def _put_off(row: ParkedRow, error: Exception) -> None:
    row.attempts += 1
    row.error = _reason(error)
    row.next_at = utcnow() + delay_after(row.attempts)
    if isinstance(error, Drop) or row.attempts >= MAX_ATTEMPTS:
        row.state = DEAD
        log.error("event is dead", event_id=row.event_id, event_type=row.type, error=row.error)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000].replace("\x00", "")
