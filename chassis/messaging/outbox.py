"""The outbox: events wait here, written in the transaction of their change, until the relay has published them.

The writer creates the order: the aggregate's row is locked or new when an event is added, its ``event_sequence`` goes
up by one, and only then the outbox row is inserted. So within an aggregate ``id`` order is ``sequence`` order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from chassis.core.principal import Principal
from chassis.data.base import Aggregate, ChassisBase
from chassis.data.bulk import insert_many
from chassis.data.columns import BigId
from chassis.messaging.broker import MAX_BODY
from chassis.messaging.events import envelope

UNSENT = text("sent_at IS NULL")


class OutboxRow(ChassisBase):
    """One event to publish; ``body`` is its envelope. A service is one source, so its place is (subject, sequence)."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("subject", "sequence"),
        Index("ix_outbox_unsent", "id", sqlite_where=UNSENT, postgresql_where=UNSENT),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    type: Mapped[str]
    subject: Mapped[UUID]
    sequence: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None]


def add(
    session: Session,
    aggregate: Aggregate,
    event: Any,
    *,
    tenants: tuple[UUID, ...],
    actor: Principal,
    now: datetime,
) -> None:
    """Add an event of ``aggregate``, whose row this transaction has created or locked. ``tenants`` may see it."""
    aggregate.event_sequence += 1
    session.flush()  # the aggregate's row is written, and so locked, before the outbox row takes its id
    row = row_of(event, aggregate.id, aggregate.event_sequence, tenants=tenants, actor=actor, now=now)
    add_rows(session, [row])


def row_of(
    event: Any, subject: UUID, sequence: int, *, tenants: tuple[UUID, ...], actor: Principal, now: datetime
) -> dict[str, Any]:
    """An outbox row as a plain dict, for :func:`add_rows`."""
    event_id = uuid7()
    body = envelope(
        event,
        event_id=event_id,
        subject=subject,
        sequence=sequence,
        tenants=tenants,
        actor_id=actor.user_id,
        at=now,
    )
    if len(body) * 4 > MAX_BODY and len(body.encode()) > MAX_BODY:
        raise ValueError(f"{event.event_type} is larger than a broker takes")  # in the relay it would stop all others
    return {
        "event_id": event_id,
        "type": event.event_type,
        "subject": subject,
        "sequence": sequence,
        "body": body,
        "created_at": now,
    }


def add_rows(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert many events at once, in their order, for aggregates that this transaction has created or locked."""
    if rows:
        insert_many(session, OutboxRow.__table__, rows)
        session.info["outbox"] = True
