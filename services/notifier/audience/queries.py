"""Who gets a tenant's mail, and what they want of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from services.notifier.audience.models import Contact, Preferences, Tenant
from services.notifier.audience.rules import Wishes, default_wishes


def contacts(session: Session, tenant_ids: Iterable[UUID]) -> Sequence[Contact]:
    """The users these tenants have now."""
    statement = select(Contact).where(Contact.tenant_id.in_(tenant_ids), Contact.active).order_by(Contact.id)
    return session.scalars(statement).all()


def tenants_of(session: Session, user_ids: Collection[UUID]) -> Mapping[UUID | None, UUID]:
    """The tenant of each of these users that is known here; no question where there are none."""
    if not user_ids:
        return {}
    statement = select(Contact.id, Contact.tenant_id).where(Contact.id.in_(user_ids))
    return dict(session.execute(statement).tuples().all())


def wishes_of(session: Session, tenants: Iterable[Tenant], users: Iterable[Contact]) -> Mapping[UUID, Wishes]:
    """What users of these tenants want, also those who never chose."""
    zones = {tenant.id: tenant.time_zone for tenant in tenants}
    zone_by_user = {contact.id: zones[contact.tenant_id] for contact in users}
    if not zone_by_user:
        return {}
    chosen = {row.id: row for row in session.scalars(select(Preferences).where(Preferences.id.in_(zone_by_user)))}
    return {
        user: chosen[user].wishes(zone) if user in chosen else default_wishes(zone)
        for user, zone in zone_by_user.items()
    }


@dataclass(frozen=True, slots=True)
class Chosen:
    """Somebody's preferences, complete. ``version`` is 0 until they have chosen something."""

    wishes: Wishes
    version: int

    @classmethod
    def of(cls, row: Preferences | None, tenant_zone: str | None) -> "Chosen":
        if row is None:
            return cls(default_wishes(tenant_zone), 0)
        return cls(row.wishes(tenant_zone), row.version)


def preferences(session: Session, who: Principal) -> Chosen:
    """The caller's own."""
    tenant = session.get(Tenant, who.tenant_id)
    return Chosen.of(session.get(Preferences, who.user_id), tenant.time_zone if tenant else None)
