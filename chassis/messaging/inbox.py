"""The inbox: the ids of the events that each subscriber has handled, so that an event takes effect once.

``consumer`` is the subscriber's name here and in the retry table and the resequencer's tables. Several subscribers of
one service share these tables and nothing else.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.core.clock import utcnow
from chassis.data.base import ChassisBase
from chassis.data.bulk import execute_counted, insert_new

KEEP_INBOX = timedelta(days=30)
TRIM = 1000
REMEMBER = text(
    "INSERT INTO inbox (consumer, event_id, handled_at)"
    " SELECT :consumer, unnest(CAST(string_to_array(:ids, ',') AS uuid[])), :handled_at"
    " ON CONFLICT DO NOTHING RETURNING event_id"
)


class InboxRow(ChassisBase):
    """An event whose effect is committed; the same event again is a duplicate. Kept longer than any replay reaches."""

    __tablename__ = "inbox"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(index=True)


def remember(session: Session, consumer: str, event_ids: Iterable[UUID], now: datetime) -> set[UUID]:
    """Add events to a subscriber's inbox; return those that were not in it.

    The ids are sorted, because two consumers may insert the same ones. PostgreSQL gets all ids as one value: a value
    for each column of each row costs more than the rows do.
    """
    ids = sorted(event_ids)
    columns = {"consumer": consumer, "handled_at": now}
    if session.get_bind().dialect.name == "postgresql":
        return set(session.scalars(REMEMBER, columns | {"ids": ",".join(map(str, ids))}))
    rows = [columns | {"event_id": event_id} for event_id in ids]
    return set(insert_new(session, InboxRow, rows, InboxRow.__table__.c.event_id))


def handled_of(session: Session, consumer: str, event_ids: Collection[UUID]) -> set[UUID]:
    """Those of the events that are in a subscriber's inbox."""
    if not event_ids:
        return set()
    handled = select(InboxRow.event_id).where(InboxRow.consumer == consumer, InboxRow.event_id.in_(event_ids))
    return set(session.scalars(handled))


def trim_inbox(session: Session) -> int:
    """Delete some of the oldest rows. An ordered subscriber that receives such an event again cannot tell it from one
    that it never handled, so the event becomes a dead letter; neither outbox nor archive keeps events for so long."""
    key = (InboxRow.consumer, InboxRow.event_id)
    oldest = select(*key).where(InboxRow.handled_at < utcnow() - KEEP_INBOX).limit(TRIM)
    return execute_counted(session, delete(InboxRow).where(tuple_(*key).in_(oldest)))
