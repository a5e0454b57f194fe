"""Who gets a tenant's mail and what they want of it, which digests are due, and how far threads were read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from services.notifier.audience.models import OPEN, Contact, DigestItem, Preferences, ReadMark, Tenant
from services.notifier.audience.rules import Wishes, default_wishes
from services.notifier.deliveries.models import CLAIMABLE, Delivery
from services.notifier.deliveries.queries import Hearing
from services.notifier.topics.base import Cadence


def contacts(session: Session, tenant_ids: Iterable[UUID]) -> Sequence[Contact]:
    """The users of these tenants who may get mail now."""
    is_reachable = Contact.active & ~Contact.suspended
    return session.scalars(
        select(Contact).where(Contact.tenant_id.in_(tenant_ids), is_reachable).order_by(Contact.id)
    ).all()


def tenants_of(session: Session, user_ids: Collection[UUID]) -> Mapping[UUID | None, UUID]:
    """The tenant of each of these users that is known here. Sends no statement without users."""
    if not user_ids:
        return {}
    statement = select(Contact.id, Contact.tenant_id).where(Contact.id.in_(user_ids))
    return dict(session.execute(statement).tuples().all())


def wishes_of(session: Session, tenants: Iterable[Tenant], users: Iterable[Contact]) -> Mapping[UUID, Wishes]:
    """What users of these tenants want, also those who never chose."""
    zones = {tenant.id: tenant.time_zone for tenant in tenants}
    zones_by_user = {contact.id: (contact.time_zone, zones[contact.tenant_id]) for contact in users}
    if not zones_by_user:
        return {}
    rows = {row.id: row for row in session.scalars(select(Preferences).where(Preferences.id.in_(zones_by_user)))}
    return {user: wishes(rows.get(user), *other_zones) for user, other_zones in zones_by_user.items()}


def wishes(row: Preferences | None, *other_zones: str | None) -> Wishes:
    """What a user wants; ``other_zones`` are their account's and their tenant's."""
    return row.wishes(*other_zones) if row else default_wishes(*other_zones)


def own_wishes(session: Session, principal: Principal) -> Wishes:
    """The caller's own."""
    tenant, contact = session.get(Tenant, principal.tenant_id), session.get(Contact, principal.user_id)
    zones = (contact.time_zone if contact else None, tenant.time_zone if tenant else None)
    return wishes(session.get(Preferences, principal.user_id), *zones)


def due_digests(session: Session, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID, str]]:
    """Whose digests are due: a tenant, a user of it and a cadence. Locks nothing."""
    columns = select(DigestItem.tenant_id, DigestItem.user_id, DigestItem.cadence)
    entries = columns.where(OPEN, DigestItem.due_at <= now).distinct().limit(limit)
    return session.execute(entries).tuples().all()


def is_digest_due(session: Session, user_id: UUID, cadence: Cadence, now: datetime) -> bool:
    """Whether this digest is still to be written."""
    entry = select(DigestItem.id).where(
        DigestItem.user_id == user_id, DigestItem.cadence == cadence, OPEN, DigestItem.due_at <= now
    )
    return session.execute(entry.limit(1)).first() is not None


def expecting(session: Session, tenant_id: UUID) -> Sequence[Contact]:
    """The users of a tenant who are still to hear of something, in their next digest or by a mail."""
    in_digest = select(DigestItem.user_id).where(DigestItem.tenant_id == tenant_id, OPEN)
    by_mail = select(Delivery.user_id).where(Delivery.tenant_id == tenant_id, CLAIMABLE)
    is_expecting = Contact.id.in_(in_digest) | Contact.id.in_(by_mail)
    return session.scalars(select(Contact).where(is_expecting, Contact.active)).all()


def items(session: Session, digests: Sequence[UUID]) -> Sequence[DigestItem]:
    """The entries of these digests, oldest first."""
    return _items(session, DigestItem.digest_id.in_(digests))


def unsent_items(session: Session, user_id: UUID, digests: Sequence[UUID]) -> Sequence[DigestItem]:
    """What a user was to hear of in the next digest, or in these, oldest first."""
    return _items(session, DigestItem.user_id == user_id, or_(OPEN, DigestItem.digest_id.in_(digests)))


def _items(session: Session, *conditions: ColumnElement[bool]) -> Sequence[DigestItem]:
    return session.scalars(select(DigestItem).where(*conditions).order_by(DigestItem.created_at, DigestItem.id)).all()


def hearings(session: Session, users: Sequence[UUID], since: datetime) -> set[Hearing]:
    """What these users hear of in their digests."""
    statement = select(DigestItem.event_id, DigestItem.template, DigestItem.user_id).where(
        DigestItem.user_id.in_(users), DigestItem.created_at >= since
    )
    return set(session.execute(statement).tuples())


def message_numbers(session: Session, user_id: UUID, thread_id: UUID) -> set[int]:
    """The numbers of the messages of a thread that a user hears of in digests."""
    statement = select(DigestItem.sequence).where(DigestItem.user_id == user_id, DigestItem.thread_id == thread_id)
    return {sequence for sequence in session.scalars(statement) if sequence is not None}


def read_marks(
    session: Session, threads: Collection[tuple[UUID, UUID | None]]
) -> Mapping[tuple[UUID, UUID | None], int]:
    """How far these tenants have read these threads of theirs, where they have. Sends no statement without threads."""
    if not threads:
        return {}
    tenants, ids = ({key[place] for key in threads} for place in (0, 1))
    statement = select(ReadMark).where(ReadMark.tenant_id.in_(tenants), ReadMark.thread_id.in_(ids))
    return {(mark.tenant_id, mark.thread_id): mark.sequence for mark in session.scalars(statement)}
