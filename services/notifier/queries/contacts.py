"""Who gets a tenant's mail, and what they want of it."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notifier.models import Contact, Preferences, Tenant
from services.notifier.rules.preferences import Wishes, default_wishes


def contacts(session: Session, tenant_id: UUID) -> Sequence[Contact]:
    """The users a tenant has now."""
    statement = select(Contact).where(Contact.tenant_id == tenant_id, Contact.active).order_by(Contact.id)
    return session.scalars(statement).all()


def wishes_of(session: Session, tenant: Tenant, users: Iterable[UUID]) -> Mapping[UUID, Wishes]:
    """What users of a tenant want, also those who never said so."""
    wanted = list(users)
    said = {row.id: row for row in session.scalars(select(Preferences).where(Preferences.id.in_(wanted)))}
    unsaid = default_wishes(tenant.time_zone)
    return {user: said[user].wishes(tenant.time_zone) if user in said else unsaid for user in wanted}
