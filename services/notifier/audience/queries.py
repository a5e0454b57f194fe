"""Who gets a tenant's mail, and what they want of it."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notifier.audience.models import Contact, Preferences, Tenant
from services.notifier.audience.rules import Wishes, default_wishes


def contacts(session: Session, tenant_ids: Iterable[UUID]) -> Sequence[Contact]:
    """The users these tenants have now."""
    statement = select(Contact).where(Contact.tenant_id.in_(tenant_ids), Contact.active).order_by(Contact.id)
    return session.scalars(statement).all()


def wishes_of(session: Session, tenants: Iterable[Tenant], users: Iterable[Contact]) -> Mapping[UUID, Wishes]:
    """What users of these tenants want, also those who never said so."""
    zones = {tenant.id: tenant.time_zone for tenant in tenants}
    wanted = {contact.id: zones[contact.tenant_id] for contact in users}
    if not wanted:
        return {}
    said = {row.id: row for row in session.scalars(select(Preferences).where(Preferences.id.in_(wanted)))}
    return {user: said[user].wishes(zone) if user in said else default_wishes(zone) for user, zone in wanted.items()}
