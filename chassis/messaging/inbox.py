"""What a subscriber remembers: events handled, events parked after a failure, and where it stands in each series.

A series is what one source tells of one subject, numbered from 1 (D63). Several services may tell of the same subject,
a tenant say, each with numbers of its own.

``consumer`` is the subscriber's name everywhere: several of one service share these tables and nothing else.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text, Uuid, bindparam, cast, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.core.clock import utcnow
from chassis.data.base import ChassisBase
from chassis.data.bulk import insert_new

WAITING = "waiting"
DEAD = "dead"
KEEP_INBOX = timedelta(days=30)
TRIM = 1000


class InboxRow(ChassisBase):
    """An event whose effect is committed; the same one again is a duplicate. Kept longer than any replay reaches."""

    __tablename__ = "inbox"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(index=True)


class ParkedRow(ChassisBase):
    """An event whose handler failed: tried again at ``next_at`` while ``waiting``, kept with its reason once ``dead``.

    ``event_id`` is text, because what is no event of ours has no proper id, nor a subject and a sequence. A ``forced``
    one is handled whatever inbox and gate say, because an operator wants it so.
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


class CursorRow(ChassisBase):
    """How far an ordered subscriber is with one series: everything from ``first`` to ``last`` has been its turn.

    ``last`` is null while nobody can say yet where it begins; with a ``first`` it begins there or later. Kept for ever:
    a subject may be told of again after years.
    """

    __tablename__ = "inbox_cursor"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    first: Mapped[int | None]
    last: Mapped[int | None]


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


def remember(session: Session, consumer: str, event_ids: Iterable[UUID], now: datetime) -> set[UUID]:
    """Write down that a subscriber has handled these events; those of them that it had not before.

    They are sorted, because two consumers may hold the same ones. On PostgreSQL all of them are one value, taken apart
    there: a value for each column of each row costs more than the rows do.
    """
    ids = sorted(event_ids)
    given = {"consumer": consumer, "handled_at": now}
    if session.get_bind().dialect.name == "postgresql":
        return set(session.scalars(REMEMBER, given | {"ids": ",".join(map(str, ids))}))
    rows = [given | {"event_id": event_id} for event_id in ids]
    return set(insert_new(session, InboxRow, rows, INBOX.c.event_id))


def handled_of(session: Session, consumer: str, event_ids: Collection[UUID]) -> set[UUID]:
    """Those of these events that a subscriber's inbox knows."""
    if not event_ids:
        return set()
    known = select(InboxRow.event_id).where(InboxRow.consumer == consumer, InboxRow.event_id.in_(event_ids))
    return set(session.scalars(known))


def trim_inbox(session: Session) -> int:
    """Forget some of the events handled long ago. An ordered subscriber that gets one of them again cannot tell it from
    one that it never had, so it becomes a dead letter; neither outbox nor archive keeps events for so long."""
    key = (InboxRow.consumer, InboxRow.event_id)
    oldest = select(*key).where(InboxRow.handled_at < utcnow() - KEEP_INBOX).limit(TRIM)
    result = session.execute(delete(InboxRow).where(tuple_(*key).in_(oldest)))
    return int(result.rowcount)  # type: ignore[attr-defined]


INBOX = ChassisBase.metadata.tables["inbox"]
REMEMBER = (
    insert(INBOX)
    .from_select(
        ["consumer", "event_id", "handled_at"],
        select(
            bindparam("consumer", type_=INBOX.c.consumer.type),
            func.unnest(cast(func.string_to_array(bindparam("ids", type_=Text), ","), ARRAY(Uuid))),
            bindparam("handled_at", type_=INBOX.c.handled_at.type),
        ),
    )
    .on_conflict_do_nothing()
    .returning(INBOX.c.event_id)
)
