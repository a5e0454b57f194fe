"""The resequencer: an ordered subscriber handles the events of a series in their sequence, each once.

Brokers redeliver, and consumers share a queue, so events of one series may arrive in any order. Writers number them
without gaps, so the resequencer can tell the next event from one that is early and from one that came before. A series
belongs to a source and a subject (D63): two services may publish about the same tenant, each with its own numbers.

A series begins with event 1. For a subscriber that came later it begins with the lowest event that has arrived after
``SETTLE``, once the queue has been empty for as long: until then an earlier event may still be in the queue, or in the
hands of a consumer that died.

An event whose place has passed is a duplicate only if it is in the inbox. Any other would be lost without a trace, so
it becomes a dead letter (:class:`Displaced`), which only an operator's force handles out of its turn.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, Text, func, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.core.clock import utcnow
from chassis.data.base import ChassisBase
from chassis.data.bulk import insert_ignoring
from chassis.messaging.broker import Message
from chassis.messaging.events import Drop, Series, as_id, series_of
from chassis.messaging.inbox import handled_of

SETTLE = timedelta(seconds=45)  # longer than an embedded broker's lease, or RabbitMQ needs to notice a dead connection
DRAIN = 100  # waiting events that one transaction takes


class Displaced(Drop):
    """An event that this subscriber never handled, though its place in its series has passed or is another event's."""


class CursorRow(ChassisBase):
    """How far an ordered subscriber is with one series: the events from ``first`` to ``last`` have had their turn.

    ``last`` is null while it is not known where the series begins; with a ``first`` it begins there or later. Kept for
    ever: an event about the subject may come after years.
    """

    __tablename__ = "inbox_cursor"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    first: Mapped[int | None]
    last: Mapped[int | None]

    @property
    def expected(self) -> int:
        """The number of the event whose turn it is; lower ones have passed, higher ones are early."""
        return (self.first or 1) if self.last is None else self.last + 1

    def begin_with(self, sequence: int) -> None:
        self.first, self.last = sequence, sequence - 1

    def advance(self) -> None:
        self.first, self.last = self.first or self.expected, self.expected


class AheadRow(ChassisBase):
    """An event that reached an ordered subscriber before its predecessor; it waits here for its turn."""

    __tablename__ = "inbox_ahead"
    __table_args__ = (Index("ix_inbox_ahead_since", "consumer", "since"),)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]

    @property
    def message(self) -> Message:
        return Message(str(self.event_id), self.type, self.body.encode())


class Resequencer:
    """One ordered subscriber's cursors. A series' cursor stays locked until the transaction ends."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer

    def admit(
        self, session: Session, events: Sequence[tuple[Mapping[str, Any], bytes]]
    ) -> tuple[list[Mapping[str, Any]], int]:
        """The events whose turn it is, and how many were duplicates. Cursors move on; early events are stored.

        Args:
            events: envelopes with their bodies.

        Raises:
            Displaced: the place of one of them has passed, but it was never handled.
        """
        cursors = self.lock_cursors(session, (series_of(event) for event, _ in events))
        due, passed = [], []
        for event, body in events:
            cursor, sequence = cursors[series_of(event)], int(event["sequence"])
            if sequence == cursor.expected:
                cursor.advance()
                due.append(event)
            elif sequence > cursor.expected:
                self._store(session, event, body)
            else:
                passed.append(event)
        self._require_duplicates(session, cursors, passed, {as_id(event["id"]) for event in due})
        return due, len(passed)

    def _require_duplicates(
        self,
        session: Session,
        cursors: Mapping[Series, CursorRow],
        passed: Sequence[Mapping[str, Any]],
        due_ids: set[UUID],
    ) -> None:
        """Events whose place has passed must be in the inbox, or be due now, further up in the batch."""
        handled = due_ids | handled_of(session, self._consumer, {as_id(event["id"]) for event in passed} - due_ids)
        for event in passed:
            if as_id(event["id"]) not in handled:
                raise displaced(int(event["sequence"]), cursors[series_of(event)])

    def lock_cursors(self, session: Session, series: Iterable[Series]) -> dict[Series, CursorRow]:
        """The cursors of these series, locked. All are made before any is locked, and both in one order everywhere, so
        that consumers never lock each other out."""
        ordered = sorted(set(series), key=lambda key: (key.subject, key.source))
        insert_ignoring(session, CursorRow, [{"consumer": self._consumer, **key._asdict()} for key in ordered])
        statement = select_cursors(self._consumer, ordered).order_by(CursorRow.subject, CursorRow.source)
        return {Series(row.source, row.subject): row for row in session.scalars(statement.with_for_update())}

    def _store(self, session: Session, event: Mapping[str, Any], body: bytes) -> None:
        place = {"consumer": self._consumer, **series_of(event)._asdict(), "sequence": int(event["sequence"])}
        event_id = as_id(event["id"])
        row = {**place, "event_id": event_id, "type": event["type"], "body": body.decode(), "since": utcnow()}
        if not insert_ignoring(session, AheadRow, [row]) and session.get_one(AheadRow, place).event_id != event_id:
            raise Displaced(f"another event waits for its turn as number {place['sequence']} of {event['source']}")

    def stop_at(self, session: Session, series: Series, sequence: int) -> None:
        """Let a series begin with ``sequence``, whose handling failed, where no event of it has had its turn before."""
        cursor = self.lock_cursors(session, [series])[series]
        if cursor.last is None and sequence == cursor.expected:
            cursor.begin_with(sequence)

    def skip(self, session: Session, series: Series, sequence: int) -> None:
        """Let a series go on without the event whose turn it is."""
        cursor = self.lock_cursors(session, [series])[series]
        if sequence == cursor.expected:
            cursor.advance()

    def release(
        self, session: Session, series: Collection[Series]
    ) -> Iterator[tuple[AheadRow, CursorRow, Displaced | None]]:
        """Waiting events whose turn has come, with their cursors, in series that this transaction has locked.

        The caller advances the cursor of an event that took effect before it asks for the next; otherwise the event's
        successors go on waiting. An event whose place another one has taken comes with the reason.
        """
        rows = session.scalars(select_cursors(self._consumer, series))
        cursors = {Series(row.source, row.subject): row for row in rows}
        statement = select(AheadRow).where(AheadRow.consumer == self._consumer, _among(AheadRow, cursors))
        ordered = statement.order_by(AheadRow.subject, AheadRow.source, AheadRow.sequence).limit(DRAIN)
        for row in session.scalars(ordered).all():
            cursor = cursors[Series(row.source, row.subject)]
            if row.sequence > cursor.expected:
                continue
            session.delete(row)
            if row.sequence == cursor.expected:
                yield row, cursor, None
            elif not handled_of(session, self._consumer, {row.event_id}):
                yield row, cursor, displaced(row.sequence, cursor)

    def lock_ready(self, session: Session, *, begin: bool) -> list[Series]:
        """Lock some series that can go on although nothing arrives to notice it, and return them.

        In these the turn of a waiting event has come, or, with ``begin``, an event has waited for ``SETTLE`` for its
        series to begin. Such a series begins with its lowest event. That is looked for once the cursor is locked,
        because until then another consumer may store a lower one.
        """
        can_go_on: ColumnElement[bool] = AheadRow.sequence <= CursorRow.last + 1
        if begin:
            can_go_on |= CursorRow.last.is_(None) & (AheadRow.since <= utcnow() - SETTLE)
        key = (AheadRow.consumer, AheadRow.source, AheadRow.subject)
        cursor_key = (CursorRow.consumer, CursorRow.source, CursorRow.subject)
        ready = select(*key[1:]).join(CursorRow, tuple_(*key) == tuple_(*cursor_key))
        ready = ready.where(AheadRow.consumer == self._consumer, can_go_on).distinct().limit(DRAIN)
        cursors = self.lock_cursors(session, (Series(*row) for row in session.execute(ready).tuples()))
        new = [series for series, cursor in cursors.items() if cursor.last is None]
        lowest = select(*key[1:], func.min(AheadRow.sequence)).group_by(*key[1:])
        lowest = lowest.where(AheadRow.consumer == self._consumer, _among(AheadRow, new))
        for source, subject, sequence in session.execute(lowest).tuples() if new else ():
            cursors[Series(source, subject)].begin_with(sequence)
        return list(cursors)


def displaced(sequence: int, cursor: CursorRow) -> Displaced:
    """Why an event that was never handled is not handled now."""
    passed = cursor.last is not None and (cursor.first or 1) <= sequence <= cursor.last
    reason = (
        f"the subscriber has had number {sequence} of {cursor.source} already, but not this event: another one has its"
        " number, or it was handled longer ago than the inbox remembers"
        if passed
        else f"event {sequence} came after this subscriber had begun with event {cursor.first}"
    )
    return Displaced(f"{reason}; only by force is it handled out of its turn")


def select_cursors(consumer: str, series: Collection[Series]) -> Select[tuple[CursorRow]]:
    """A subscriber's cursors of these series, found by their key."""
    return select(CursorRow).where(CursorRow.consumer == consumer, _among(CursorRow, series))


def _among(model: type[CursorRow] | type[AheadRow], series: Collection[Series]) -> ColumnElement[bool]:
    """Rows of these series. For pairs alone SQLite would use no index; the two lists alone would also match the
    subjects of one source at another."""
    sources, subjects = {key.source for key in series}, {key.subject for key in series}
    either = model.source.in_(sources) & model.subject.in_(subjects)
    return either & tuple_(model.source, model.subject).in_([tuple(key) for key in series])


def waiting(session: Session) -> dict[str, tuple[int, float]]:
    """By ordered subscriber: how many events wait for their turn, and for how many seconds the oldest does."""
    counts = select(AheadRow.consumer, func.count(), func.min(AheadRow.since)).group_by(AheadRow.consumer)
    return {consumer: (count, (utcnow() - since).total_seconds()) for consumer, count, since in session.execute(counts)}
