"""Locks a tenant, before its contacts or its new mails change.

So an invite reaches its user in whichever order the two events arrive, also when two consumers handle them at once.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.notifier.audience.models import Tenant

LOCKED = "locked tenants"


def lock_tenants_of_batch(session: Session, tenant_ids: Sequence[UUID]) -> None:
    """Lock all tenants that a batch of events is about before any of them is handled."""
    session.info[LOCKED] = lock_tenants(session, tenant_ids)


def lock_tenants(session: Session, tenant_ids: Collection[UUID]) -> Mapping[UUID, Tenant]:
    """These tenants by id, locked until the transaction ends; always in the order of their ids.

    Not ``upsert_newer``: most events that lock a tenant say nothing of it, so there is no sequence to compare.
    """
    tenants: Mapping[UUID, Tenant] = session.info.get(LOCKED, {})
    if missing := sorted(set(tenant_ids) - tenants.keys()):
        insert_ignoring(session, Tenant, [{"id": tenant_id} for tenant_id in missing])
        locked = select(Tenant).where(Tenant.id.in_(missing)).order_by(Tenant.id).with_for_update()
        tenants = {**tenants, **{tenant.id: tenant for tenant in session.scalars(locked)}}
    return {tenant_id: tenants[tenant_id] for tenant_id in tenant_ids}


def lock_tenant(session: Session, tenant_id: UUID) -> Tenant:
    """A tenant, locked until the transaction ends."""
    return lock_tenants(session, [tenant_id])[tenant_id]


def is_silent(session: Session, tenant_id: UUID) -> bool:
    """Whether nothing goes out for a tenant at present."""
    tenant = session.get(Tenant, tenant_id)
    return tenant is not None and tenant.is_silent
