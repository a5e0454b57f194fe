"""The retry table: events whose handling failed, with the time of the next attempt; dead letters in the end."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, Select, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.core.backoff import delay_after
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.base import ChassisBase
from chassis.data.bulk import insert_ignoring
from chassis.messaging.broker import Message
from chassis.messaging.events import Drop, Series, as_id, parse, series_of
from chassis.messaging.inbox import handled_of, remember
from chassis.messaging.resequencer import Resequencer

WAITING = "waiting"
DEAD = "dead"
MAX_ATTEMPTS = 8
DELAYS = [timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600, 3600)]

log = logger(__name__)


class RetryRow(ChassisBase):
    """An event whose handler failed: tried again at ``next_at`` while ``waiting``, kept with its reason once ``dead``.

    ``event_id`` is text, because what is no event of ours has no proper id, nor a subject and a sequence. A ``forced``
    event is handled whatever inbox and resequencer say, because an operator wants it so.
    """

    __tablename__ = "parked"
    __table_args__ = (Index("ix_parked_due", "state", "next_at"),)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject: Mapped[UUID | None]
    sequence: Mapped[int | None]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(default=WAITING)
    attempts: Mapped[int] = mapped_column(default=1)
    error: Mapped[str]
    forced: Mapped[bool] = mapped_column(default=False, server_default="false")
    parked_at: Mapped[datetime]
    next_at: Mapped[datetime]

    @property
    def message(self) -> Message:
        return Message(self.event_id, self.type, self.body.encode())

    def fail(self, error: Exception) -> None:
        """The event failed again: it is tried later once more, or never."""
        self.attempts += 1
        self.error = _reason(error)
        self.next_at = utcnow() + delay_after(self.attempts, DELAYS)
        if isinstance(error, Drop) or self.attempts >= MAX_ATTEMPTS:
            self.state = DEAD
            log.error("event is dead", event_id=self.event_id, event_type=self.type, error=self.error)


def add(session: Session, consumer: str, message: Message, error: Exception) -> None:
    """Store a failed event with its reason; does nothing where it is stored already."""
    now = utcnow()
    place = place_of(message)
    row = {
        "consumer": consumer,
        "event_id": key_of(message),
        "type": message.type.replace("\x00", ""),
        "subject": place[0].subject if place else None,
        "sequence": place[1] if place else None,
        "body": message.body.decode("utf-8", "replace").replace("\x00", ""),
        "state": DEAD if isinstance(error, Drop) else WAITING,
        "attempts": 1,
        "error": _reason(error),
        "forced": False,
        "parked_at": now,
        "next_at": now + delay_after(1, DELAYS),
    }
    insert_ignoring(session, RetryRow, [row])


def place_of(message: Message) -> tuple[Series, int] | None:
    """The series of an event and its number in it; None for what is no event of ours."""
    try:
        event = parse(message.body)
    except Drop:
        return None
    return series_of(event), int(event["sequence"])


def key_of(message: Message) -> str:
    """The id of a row: the event's own, because another publisher's transport may leave its id out or repeat it."""
    try:
        return str(parse(message.body)["id"])
    except Drop:
        return message.id.replace("\x00", "") or f"sha256:{hashlib.sha256(message.body).hexdigest()}"


def is_any_due(session: Session, consumer: str, now: datetime) -> bool:
    """Whether an event is due, found without a lock."""
    return session.scalars(_due(consumer, now)).first() is not None


def lock_next_due(session: Session, consumer: str, now: datetime) -> RetryRow | None:
    """The event that has been due for longest, locked; None when another process has it."""
    return session.scalar(_due(consumer, now).with_for_update(skip_locked=True))


def lock_row(session: Session, consumer: str, event_id: str) -> RetryRow | None:
    """One failed event of a subscriber, locked; None if it is gone."""
    return session.get(RetryRow, (consumer, event_id), with_for_update=True)


def _due(consumer: str, now: datetime) -> Select[tuple[RetryRow]]:
    due = select(RetryRow).where(RetryRow.consumer == consumer, RetryRow.state == WAITING, RetryRow.next_at <= now)
    return due.order_by(RetryRow.next_at).limit(1)


def find(session: Session, consumer: str, **columns: str) -> list[RetryRow]:
    """The failed events of a subscriber, oldest first; of a ``state``, or with an ``event_id``."""
    rows = select(RetryRow).filter_by(consumer=consumer, **columns)
    return list(session.scalars(rows.order_by(RetryRow.parked_at, RetryRow.event_id)))


def replay(session: Session, row: RetryRow, now: datetime, *, force: bool = False) -> bool:
    """Have an event tried again at once, under its own id; False where it was handled meanwhile, unless forced."""
    handled = row.subject is not None and handled_of(session, row.consumer, {as_id(row.event_id)})
    if handled and not force:
        return False
    row.state, row.attempts, row.next_at, row.forced = WAITING, 0, now, force
    return True


def drop(session: Session, row: RetryRow, *, ordered: bool) -> None:
    """Give an event up. An ordered subscriber's series goes on without it; the event is a duplicate when it comes
    again, because its place has passed."""
    place = place_of(row.message)
    if ordered and place:
        Resequencer(row.consumer).skip(session, *place)
        remember(session, row.consumer, {as_id(row.event_id)}, utcnow())
    session.delete(row)


def counts(session: Session) -> dict[str, int]:
    """How many events are ``waiting`` and ``dead``."""
    rows = session.execute(select(RetryRow.state, func.count()).group_by(RetryRow.state)).tuples()
    return {WAITING: 0, DEAD: 0} | dict(rows.all())


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000].replace("\x00", "")
