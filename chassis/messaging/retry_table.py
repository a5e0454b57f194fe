"""Events whose handling failed, as rows: written when it fails, taken when they are due, and dead in the end."""

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from chassis.core.backoff import delay_after
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.bulk import insert_ignoring
from chassis.messaging.broker import Message
from chassis.messaging.events import Drop, Series, parse, series_of
from chassis.messaging.inbox import DEAD, WAITING, InboxRow, ParkedRow, remember
from chassis.messaging.resequencer import Gate

MAX_ATTEMPTS = 8

log = logger(__name__)


def park(session: Session, consumer: str, message: Message, error: Exception) -> None:
    """Keep a failed event with its reason; does nothing where it is parked already."""
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
        "next_at": now + delay_after(1),
    }
    insert_ignoring(session, ParkedRow, [row])


def place_of(message: Message) -> tuple[Series, int] | None:
    """The series of an event and its number in it; None for what is no event of ours."""
    with contextlib.suppress(Drop):
        event = parse(message.body)
        return series_of(event), int(event["sequence"])
    return None


def key_of(message: Message) -> str:
    """What a parked event is known by: its own id, not the transport's, which others may leave out or repeat."""
    with contextlib.suppress(Drop):
        return str(parse(message.body)["id"])
    return message.id.replace("\x00", "") or f"sha256:{hashlib.sha256(message.body).hexdigest()}"


def is_any_due(session: Session, consumer: str, now: datetime) -> bool:
    """A look that locks nothing."""
    return session.execute(_due(consumer, now).with_only_columns(ParkedRow.event_id)).first() is not None


def next_due(session: Session, consumer: str, now: datetime) -> ParkedRow | None:
    """The event that has been due for longest, locked; None when another process has it."""
    return session.scalar(_due(consumer, now).with_for_update(skip_locked=True))


def _due(consumer: str, now: datetime) -> Select[tuple[ParkedRow]]:
    mine: Sequence[ColumnElement[bool]] = (ParkedRow.consumer == consumer, ParkedRow.state == WAITING)
    return select(ParkedRow).where(*mine, ParkedRow.next_at <= now).order_by(ParkedRow.next_at).limit(1)


def put_off(row: ParkedRow, error: Exception) -> None:
    """It failed again: later once more, or never."""
    row.attempts += 1
    row.error = _reason(error)
    row.next_at = utcnow() + delay_after(row.attempts)
    if isinstance(error, Drop) or row.attempts >= MAX_ATTEMPTS:
        row.state = DEAD
        log.error("event is dead", event_id=row.event_id, event_type=row.type, error=row.error)


def find(session: Session, consumers: Sequence[str], **wanted: str) -> list[ParkedRow]:
    """Parked events of some subscribers, oldest first, with a ``state`` or an ``event_id``."""
    rows = select(ParkedRow).where(ParkedRow.consumer.in_(consumers)).filter_by(**wanted)
    return list(session.scalars(rows.order_by(ParkedRow.parked_at, ParkedRow.event_id)))


def replay(session: Session, row: ParkedRow, now: datetime, *, force: bool = False) -> bool:
    """Have an event tried again at once, under its own id; False where it was handled meanwhile, unless forced."""
    if not force and is_handled(session, row.consumer, row.event_id):
        return False
    row.state, row.attempts, row.next_at, row.forced = WAITING, 0, now, force
    return True


def is_handled(session: Session, consumer: str, event_id: str) -> bool:
    """Whether a subscriber's inbox knows the event."""
    try:
        return session.get(InboxRow, (consumer, UUID(event_id))) is not None
    except ValueError:  # it is no event of ours
        return False


def drop(session: Session, row: ParkedRow, *, ordered: bool) -> None:
    """Give an event up. Where it held its series, the series goes on without it; the same event again is a duplicate
    then, for its place has been."""
    place = place_of(Message(row.event_id, row.type, row.body.encode()))
    if ordered and place:
        Gate(row.consumer).skip(session, *place)
        remember(session, row.consumer, {UUID(row.event_id)}, utcnow())
    session.delete(row)


def counts(session: Session) -> dict[str, int]:
    """How many events are ``waiting`` and ``dead``."""
    rows = session.execute(select(ParkedRow.state, func.count()).group_by(ParkedRow.state))
    return {WAITING: 0, DEAD: 0} | {row[0]: row[1] for row in rows}


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000].replace("\x00", "")
