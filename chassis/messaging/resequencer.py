"""The sequence gate: an ordered subscriber takes what a source tells of a subject in its sequence, each event once.

Brokers redeliver, and consumers share a queue, so events of one series may arrive in any order. Writers number them
without gaps, which is what lets the gate tell the next one from one that came too early and from one that came again.
A series belongs to a source and a subject (D63): two services may tell of the same tenant, each with its own numbers.

Where a series begins: with event 1; for a subscriber that came later, with the lowest event that is there after
``SETTLE``, once the queue has been empty for as long. Until then an earlier one may still be in it, or in the hands of
a consumer that died.

An event whose place has been is a duplicate only if the inbox knows it. Any other would be lost without a trace, so it
becomes a dead letter (:class:`Displaced`), which only an operator's force handles out of its turn.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.data.bulk import insert_ignoring
from chassis.messaging.events import Drop, Series, as_id, series_of
from chassis.messaging.inbox import AheadRow, CursorRow, handled_of

SETTLE = timedelta(seconds=45)  # longer than an embedded broker's lease, or RabbitMQ needs to notice a dead connection
DRAIN = 100  # waiting events that one transaction takes


class Displaced(Drop):
    """An event that this subscriber never handled, though its place in its series has been or is another event's."""


class Turn(Enum):
    """What an event's place in its series means for a subscriber that stands at a cursor."""

    NOW = auto()
    EARLY = auto()
    AGAIN = auto()
    BEFORE_START = auto()


def turn_of(first: int | None, last: int | None, sequence: int) -> Turn:
    """Whose turn it is when everything from ``first`` to ``last`` has been.

    Where ``last`` is None nothing has been yet; a ``first`` then says that nothing before it will be.
    """
    if last is None:
        begin = first or 1
        if sequence == begin:
            return Turn.NOW
        return Turn.EARLY if sequence > begin else Turn.BEFORE_START
    if sequence == last + 1:
        return Turn.NOW
    if sequence > last:
        return Turn.EARLY
    return Turn.AGAIN if first is None or sequence >= first else Turn.BEFORE_START


class Gate:
    """One ordered subscriber's cursors. A series' cursor stays locked until the transaction ends."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer

    def admit(self, session: Session, events: Sequence[tuple[Mapping[str, Any], bytes]]) -> list[Turn]:
        """Whose turn it is, for envelopes with their bodies; cursors move on, and what came early is kept.

        Raises:
            Displaced: the place of one of them has been, but it was never handled.
        """
        cursors = self.hold(session, (series_of(event) for event, _ in events))
        turns = [self._admit(session, cursors[series_of(event)], event, body) for event, body in events]
        self._require_duplicates(session, cursors, [event for event, _ in events], turns)
        return turns

    def _admit(self, session: Session, cursor: CursorRow, event: Mapping[str, Any], body: bytes) -> Turn:
        sequence = int(event["sequence"])
        turn = turn_of(cursor.first, cursor.last, sequence)
        if turn is Turn.NOW:
            _move(cursor, sequence)
        elif turn is Turn.EARLY:
            self._keep(session, event, body)
        return turn

    def _require_duplicates(
        self,
        session: Session,
        cursors: Mapping[Series, CursorRow],
        events: Sequence[Mapping[str, Any]],
        turns: Sequence[Turn],
    ) -> None:
        """What is not to be handled must have been, or be handled now, further up in the batch."""
        turned = list(zip(events, turns, strict=True))
        passed = [event for event, turn in turned if turn in (Turn.AGAIN, Turn.BEFORE_START)]
        known = {as_id(event["id"]) for event, turn in turned if turn is Turn.NOW}
        known |= handled_of(session, self._consumer, {as_id(event["id"]) for event in passed} - known)
        for event in passed:
            if as_id(event["id"]) not in known:
                raise displaced(int(event["sequence"]), cursors[series_of(event)])

    def hold(self, session: Session, series: Iterable[Series]) -> dict[Series, CursorRow]:
        """The cursors of these series, locked. All are made before any is locked, and both in one order everywhere, so
        that consumers never lock each other out."""
        wanted = sorted(set(series), key=lambda one: (one.subject, one.source))
        insert_ignoring(session, CursorRow, [{"consumer": self._consumer, **one._asdict()} for one in wanted])
        statement = self._cursors(wanted).order_by(CursorRow.subject, CursorRow.source).with_for_update()
        return {Series(row.source, row.subject): row for row in session.scalars(statement)}

    def _cursors(self, series: Collection[Series]) -> Any:
        return select(CursorRow).where(CursorRow.consumer == self._consumer, _among(CursorRow, series))

    def _keep(self, session: Session, event: Mapping[str, Any], body: bytes) -> None:
        place = {"consumer": self._consumer, **series_of(event)._asdict(), "sequence": int(event["sequence"])}
        event_id = as_id(event["id"])
        row = {**place, "event_id": event_id, "type": event["type"], "body": body.decode(), "since": utcnow()}
        if not insert_ignoring(session, AheadRow, [row]) and session.get_one(AheadRow, place).event_id != event_id:
            raise Displaced(f"another event waits for its turn as number {place['sequence']} of {event['source']}")

    def begin(self, session: Session, series: Series, sequence: int) -> None:
        """Hold a series at ``sequence``, whose handling failed, where nothing of it has been handled before."""
        cursor = self.hold(session, [series])[series]
        if cursor.last is None and turn_of(cursor.first, None, sequence) is Turn.NOW:
            cursor.first, cursor.last = sequence, sequence - 1

    def skip(self, session: Session, series: Series, sequence: int) -> None:
        """Let a series go on without the event that it is held at."""
        cursor = self.hold(session, [series])[series]
        if turn_of(cursor.first, cursor.last, sequence) is Turn.NOW:
            _move(cursor, sequence)

    def follow_up(
        self,
        session: Session,
        series: Iterable[Series],
        handle: Callable[[AheadRow], bool],
        give_up: Callable[[AheadRow, Displaced], None],
    ) -> None:
        """Hand out the waiting events whose turn has come, in series whose cursors this transaction holds.

        ``handle`` says whether the event took effect; where not, its successors go on waiting. ``give_up`` gets those
        whose place another event has taken meanwhile.
        """
        cursors = {Series(row.source, row.subject): row for row in session.scalars(self._cursors(set(series)))}
        statement = select(AheadRow).where(AheadRow.consumer == self._consumer, _among(AheadRow, cursors))
        ordered = statement.order_by(AheadRow.subject, AheadRow.source, AheadRow.sequence).limit(DRAIN)
        stopped: set[Series] = set()
        for row in session.scalars(ordered).all():
            place = Series(row.source, row.subject)
            cursor = cursors[place]
            turn = turn_of(cursor.first, cursor.last, row.sequence)
            if turn is Turn.EARLY or place in stopped:
                continue
            session.delete(row)
            if turn is not Turn.NOW:
                if not handled_of(session, self._consumer, {row.event_id}):
                    give_up(row, displaced(row.sequence, cursor))
            elif handle(row):
                _move(cursor, row.sequence)
            else:
                stopped.add(place)

    def settle(self, session: Session, now: datetime) -> list[Series]:
        """Begin with the lowest that is there, in series whose first event has waited for long enough; return the
        series, their cursors held. Looked for once they are: until then another consumer may bring a lower one."""
        waited = select(AheadRow.source, AheadRow.subject).join(CursorRow, _same_series())
        waited = waited.where(AheadRow.consumer == self._consumer, CursorRow.last.is_(None))
        waited = waited.group_by(AheadRow.source, AheadRow.subject)
        waited = waited.having(func.min(AheadRow.since) <= now - SETTLE).limit(DRAIN)
        cursors = self.hold(session, _series_in(session.execute(waited).tuples()))
        lowest = select(AheadRow.source, AheadRow.subject, func.min(AheadRow.sequence))
        lowest = lowest.where(AheadRow.consumer == self._consumer, _among(AheadRow, cursors))
        for source, subject, sequence in session.execute(lowest.group_by(AheadRow.source, AheadRow.subject)).tuples():
            cursor = cursors[Series(source, subject)]
            if cursor.last is None:
                cursor.first, cursor.last = sequence, sequence - 1
        return list(cursors)

    def ready(self, session: Session) -> list[Series]:
        """Series in which the turn of a waiting event has come, but nothing arrived since to notice it; their cursors
        held."""
        due = select(AheadRow.source, AheadRow.subject).join(CursorRow, _same_series())
        due = due.where(AheadRow.consumer == self._consumer, AheadRow.sequence <= CursorRow.last + 1)
        return list(self.hold(session, _series_in(session.execute(due.distinct().limit(DRAIN)).tuples())))


def displaced(sequence: int, cursor: CursorRow) -> Displaced:
    """Why an event that was never handled is not handled now."""
    has_been = cursor.last is not None and (cursor.first or 1) <= sequence <= cursor.last
    why = (
        f"the subscriber has had number {sequence} of {cursor.source} already, but not this event: another one has its"
        " number, or it was handled longer ago than the inbox remembers"
        if has_been
        else f"event {sequence} came after this subscriber had begun with event {cursor.first}"
    )
    return Displaced(f"{why}; only by force is it handled out of its turn")


def _among(model: type[CursorRow] | type[AheadRow], series: Collection[Series]) -> ColumnElement[bool]:
    """Rows of these series. For pairs alone SQLite would use no index, and without them a source would be given the
    subjects of another one."""
    sources, subjects = {one.source for one in series}, {one.subject for one in series}
    either = model.source.in_(sources) & model.subject.in_(subjects)
    return either & tuple_(model.source, model.subject).in_([tuple(one) for one in series])


def _series_in(rows: Iterable[tuple[str, UUID]]) -> list[Series]:
    return [Series(source, subject) for source, subject in rows]


def _same_series() -> ColumnElement[bool]:
    return (
        (CursorRow.consumer == AheadRow.consumer)
        & (CursorRow.source == AheadRow.source)
        & (CursorRow.subject == AheadRow.subject)
    )


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
