"""Which digests are due, what stands in one, and how far threads were read."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.notifier.audience.models import OPEN, Contact, DigestItem, ReadMark
from services.notifier.deliveries.models import CLAIMABLE, Delivery
from services.notifier.deliveries.queries import Hearing
from services.notifier.topics.base import Cadence

Due = tuple[UUID, UUID, str]
"""A tenant, a user of it and a cadence."""


def due(session: Session, now: datetime, limit: int) -> Sequence[Due]:
    """Whose digests are due. A look that locks nothing."""
    statement = (
        select(DigestItem.tenant_id, DigestItem.user_id, DigestItem.cadence)
        .where(OPEN, DigestItem.due_at <= now)
        .distinct()
        .limit(limit)
    )
    return [(tenant_id, user_id, cadence) for tenant_id, user_id, cadence in session.execute(statement)]


def is_due(session: Session, user_id: UUID, cadence: Cadence, now: datetime) -> bool:
    """Whether this digest is still to be written."""
    mine = select(DigestItem.id).where(
        DigestItem.user_id == user_id, DigestItem.cadence == cadence, OPEN, DigestItem.due_at <= now
    )
    return session.execute(mine.limit(1)).first() is not None


def expecting(session: Session, tenant_id: UUID) -> Sequence[Contact]:
    """The users of a tenant who are still to hear of something, in their next digest or by a mail."""
    waiting = select(DigestItem.user_id).where(DigestItem.tenant_id == tenant_id, OPEN)
    mailed = select(Delivery.user_id).where(Delivery.tenant_id == tenant_id, CLAIMABLE)
    either = Contact.id.in_(waiting) | Contact.id.in_(mailed)
    return session.scalars(select(Contact).where(either, Contact.active)).all()


def items(session: Session, digests: Sequence[UUID]) -> Sequence[DigestItem]:
    """What stands in these digests, oldest first."""
    statement = select(DigestItem).where(DigestItem.digest_id.in_(digests))
    return session.scalars(statement.order_by(DigestItem.created_at, DigestItem.id)).all()


def unsent(session: Session, user_id: UUID, digests: Sequence[UUID]) -> Sequence[DigestItem]:
    """What a user was to hear of in the next digest, or in these, oldest first."""
    waits = or_(OPEN, DigestItem.digest_id.in_(digests))
    statement = select(DigestItem).where(DigestItem.user_id == user_id, waits)
    return session.scalars(statement.order_by(DigestItem.created_at, DigestItem.id)).all()


def hearings(session: Session, users: Sequence[UUID], since: datetime) -> set[Hearing]:
    """What these users hear of in their digests."""
    statement = select(DigestItem.event_id, DigestItem.template, DigestItem.user_id).where(
        DigestItem.user_id.in_(users), DigestItem.created_at >= since
    )
    return set(session.execute(statement).tuples())


def message_numbers(session: Session, user_id: UUID, thread_id: UUID) -> set[int]:
    """The numbers of the messages of a thread that a user hears of in digests."""
    mine = select(DigestItem.sequence).where(DigestItem.user_id == user_id, DigestItem.thread_id == thread_id)
    return {sequence for sequence in session.scalars(mine) if sequence is not None}


def read_marks(
    session: Session, threads: Collection[tuple[UUID, UUID | None]]
) -> Mapping[tuple[UUID, UUID | None], int]:
    """How far these tenants have read these threads of theirs, where they have; no question where there are none."""
    if not threads:
        return {}
    tenants, ids = ({key[place] for key in threads} for place in (0, 1))
    statement = select(ReadMark).where(ReadMark.tenant_id.in_(tenants), ReadMark.thread_id.in_(ids))
    return {(mark.tenant_id, mark.thread_id): mark.sequence for mark in session.scalars(statement)}
