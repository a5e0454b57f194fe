"""The sequence gate: an ordered subscriber takes the events of one subject in their sequence, and each of them once.

Brokers redeliver, and consumers share a queue, so events of one subject may arrive in any order. Writers number them
without gaps, which is what lets the gate tell the next one from one that came too early and from one that came again.

Where a subject begins: with event 1; for a subscriber that came later, with the lowest event that is there after
``SETTLE``. Until then an earlier one may still be in the hands of a consumer that died. What comes from before the
beginning is a dead letter, so that nobody takes it for handled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chassis.clock import utcnow
from chassis.database import insert_ignoring
from chassis.events import Drop, as_id
from chassis.inbox import AheadRow, CursorRow, InboxRow

SETTLE = timedelta(seconds=45)  # longer than an embedded broker's lease, or RabbitMQ needs to notice a dead connection
DRAIN = 100  # waiting events that one transaction takes


class Turn(Enum):
    """What an event's place in its subject means for a subscriber that stands at a cursor."""

    NOW = auto()
    EARLY = auto()
    AGAIN = auto()
    BEFORE_START = auto()


def turn_of(first: int | None, last: int | None, sequence: int) -> Turn:
    """Whose turn it is when everything from ``first`` to ``last`` has been; both None where nothing is known yet."""
    if first is None or last is None:
        return Turn.NOW if sequence == 1 else Turn.EARLY
    if sequence == last + 1:
        return Turn.NOW
    if sequence > last:
        return Turn.EARLY
    return Turn.AGAIN if sequence >= first else Turn.BEFORE_START


class Gate:
    """One ordered subscriber's cursors. A subject's cursor stays locked until the transaction ends."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer

    def admit(self, session: Session, events: Sequence[tuple[Mapping[str, Any], bytes]]) -> list[Turn]:
        """Whose turn it is, for envelopes with their bodies; cursors move on, and what came early is kept.

        Raises:
            Drop: one of them is from before the subject's beginning.
        """
        cursors = self.hold(session, (as_id(event["subject"]) for event, _ in events))
        return [self._admit(session, cursors[as_id(event["subject"])], event, body) for event, body in events]

    def _admit(self, session: Session, cursor: CursorRow, event: Mapping[str, Any], body: bytes) -> Turn:
        sequence = int(event["sequence"])
        turn = turn_of(cursor.first, cursor.last, sequence)
        if turn is Turn.NOW:
            _move(cursor, sequence)
        elif turn is Turn.EARLY:
            self._keep(session, event, body)
        elif turn is Turn.BEFORE_START and not self._was_handled(session, event):
            raise Drop(
                f"event {sequence} came after this subscriber had begun with event {cursor.first};"
                " only by force is it handled out of its turn"
            )
        return turn

    def hold(self, session: Session, subjects: Iterable[UUID]) -> dict[UUID, CursorRow]:
        """The cursors of the subjects, locked. All are made before any is locked, and both in one order everywhere, so
        that consumers never lock each other out."""
        wanted = sorted(set(subjects))
        insert_ignoring(session, CursorRow, [{"consumer": self._consumer, "subject": subject} for subject in wanted])
        statement = select(CursorRow).where(CursorRow.consumer == self._consumer, CursorRow.subject.in_(wanted))
        return {row.subject: row for row in session.scalars(statement.order_by(CursorRow.subject).with_for_update())}

    def _keep(self, session: Session, event: Mapping[str, Any], body: bytes) -> None:
        row = {
            "consumer": self._consumer,
            "subject": as_id(event["subject"]),
            "sequence": int(event["sequence"]),
            "event_id": as_id(event["id"]),
            "type": event["type"],
            "body": body.decode(),
            "since": utcnow(),
        }
        insert_ignoring(session, AheadRow, [row])

    def _was_handled(self, session: Session, event: Mapping[str, Any]) -> bool:
        return session.get(InboxRow, (self._consumer, as_id(event["id"]))) is not None

    def begin(self, session: Session, subject: UUID, sequence: int) -> None:
        """Hold a subject at ``sequence``, whose handling failed, where nothing of it has been handled before."""
        cursor = self.hold(session, [subject])[subject]
        if cursor.last is None and sequence == 1:
            cursor.first, cursor.last = 1, 0

    def skip(self, session: Session, subject: UUID, sequence: int) -> None:
        """Let a subject go on without the event that it is held at."""
        cursor = self.hold(session, [subject])[subject]
        if turn_of(cursor.first, cursor.last, sequence) is Turn.NOW:
            _move(cursor, sequence)

    def follow_up(self, session: Session, subjects: Iterable[UUID], handle: Callable[[AheadRow], bool]) -> None:
        """Hand out the waiting events whose turn has come, in subjects whose cursors this transaction holds.

        ``handle`` says whether the event took effect; where not, its successors go on waiting.
        """
        held = select(CursorRow).where(CursorRow.consumer == self._consumer, CursorRow.subject.in_(set(subjects)))
        cursors = {row.subject: row for row in session.scalars(held)}
        statement = select(AheadRow).where(AheadRow.consumer == self._consumer, AheadRow.subject.in_(cursors))
        stopped: set[UUID] = set()
        for row in session.scalars(statement.order_by(AheadRow.subject, AheadRow.sequence).limit(DRAIN)).all():
            cursor = cursors[row.subject]
            turn = turn_of(cursor.first, cursor.last, row.sequence)
            if turn is Turn.EARLY or row.subject in stopped:
                continue
            session.delete(row)
            if turn is Turn.NOW and handle(row):
                _move(cursor, row.sequence)
            elif turn is Turn.NOW:
                stopped.add(row.subject)

    def settle(self, session: Session, now: datetime) -> list[UUID]:
        """Begin with the lowest that is there, in subjects whose first event has waited for long enough; return the
        subjects, their cursors held. Looked for once they are: until then another consumer may bring a lower one."""
        waited = select(AheadRow.subject).join(CursorRow, _same_subject())
        waited = waited.where(AheadRow.consumer == self._consumer, CursorRow.last.is_(None))
        waited = waited.group_by(AheadRow.subject).having(func.min(AheadRow.since) <= now - SETTLE).limit(DRAIN)
        cursors = self.hold(session, session.scalars(waited))
        lowest = select(AheadRow.subject, func.min(AheadRow.sequence)).where(AheadRow.consumer == self._consumer)
        lowest = lowest.where(AheadRow.subject.in_(cursors)).group_by(AheadRow.subject)
        for subject, sequence in session.execute(lowest).tuples():
            if cursors[subject].last is None:
                cursors[subject].first, cursors[subject].last = sequence, sequence - 1
        return list(cursors)

    def ready(self, session: Session) -> list[UUID]:
        """Subjects in which the turn of a waiting event has come, but nothing arrived since to notice it; their cursors
        held."""
        due = select(AheadRow.subject).join(CursorRow, _same_subject()).where(AheadRow.consumer == self._consumer)
        due = due.where(AheadRow.sequence <= CursorRow.last + 1).distinct().limit(DRAIN)
        return list(self.hold(session, session.scalars(due)))


def _same_subject() -> Any:
    return (CursorRow.consumer == AheadRow.consumer) & (CursorRow.subject == AheadRow.subject)


def _move(cursor: CursorRow, sequence: int) -> None:
    if cursor.first is None:
        cursor.first = sequence
    cursor.last = sequence


def waiting(session: Session) -> dict[str, tuple[int, float]]:
    """By ordered subscriber: how many events wait for their turn, and for how many seconds the oldest does."""
    rows = session.execute(
        select(AheadRow.consumer, func.count(), func.min(AheadRow.since)).group_by(AheadRow.consumer)
    )
    return {consumer: (count, (utcnow() - since).total_seconds()) for consumer, count, since in rows}
