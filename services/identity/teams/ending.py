"""Ending a tenant: suspended at once, gone when its grace is over."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from services.identity.common.models import Base
from services.identity.settings import IdentitySettings
from services.identity.teams import actions, queries
from services.identity.tenants import actions as tenant_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.events import TenantEnded
from services.identity.tenants.models import Tenant

AT_ONCE = 100  # people forgotten in one transaction
KEPT = ("tenants", "users", "tenant_exports")
"""A tenant keeps its name, and its people are former users: the trail refers to both. Exports may be large, so a task
deletes them in pieces."""


def set_end(
    session: Session, tenant_id: UUID, *, exported: bool, settings: IdentitySettings, actor: Principal, now: datetime
) -> Tenant:
    """Suspend a tenant now and let it end after its grace; until then the operator can resume it. A tenant whose end is
    set already keeps that end. ``exported``: the operator says that it has got its data otherwise than by an archive.

    Raises:
        Conflict: ``not_exported``: no archive was fetched, and nobody says that the tenant has its data;
            ``tenant_ended``; ``invalid_transition``: it is the platform's own.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    if not exported:
        tenant.require_exported(now)
    tenant_actions.suspend(session, tenant, actor=actor, now=now)
    if tenant.set_end(now + settings.tenant_grace):
        audit.record(session, "tenant.end_set", tenant, tenant_id=tenant.id, actor=actor, now=now)
    session.flush()
    return tenant


def end_some(session: Session, *, now: datetime) -> bool:
    """Forget some people of a tenant whose grace is over, or with the last of them all else that is its own; return
    whether there may be more."""
    tenant = tenant_queries.lock_ending_tenant(session, now)
    if tenant is None:
        return False
    system = Principal.system("identity")
    for _ in range(AT_ONCE):
        user = queries.lock_ending_user(session, tenant.id)
        if user is None:
            _end(session, tenant, actor=system, now=now)
            break
        actions.erase(session, user, actor=system, now=now)
    return True


def _end(session: Session, tenant: Tenant, *, actor: Principal, now: datetime) -> None:
    session.flush()
    for table in reversed(Base.metadata.sorted_tables):
        if table.name not in KEPT and "tenant_id" in table.columns:
            session.execute(delete(table).where(table.c.tenant_id == tenant.id))
    tenant.end(now)
    audit.record(session, "tenant.ended", tenant, tenant_id=tenant.id, actor=actor, now=now)
    outbox.add(session, tenant, TenantEnded(tenant.id), tenants=(tenant.id,), actor=actor, now=now)
