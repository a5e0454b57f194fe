"""Tenants: creating, changing, switching features (S0-1, S0-4)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis import audit, outbox, versions
from chassis.identity import Principal
from services.identity import queries, rules
from services.identity.events import TenantChanged, TenantCreated
from services.identity.models import Tenant


def create_tenant(
    session: Session,
    *,
    name: str,
    kind: str,
    time_zone: str = rules.DEFAULT_TIME_ZONE,
    features: Iterable[str] = (),
    actor: Principal,
    now: datetime,
) -> Tenant:
    """A new tenant with the given features on and all others off."""
    tenant = Tenant(
        id=uuid7(),
        name=name,
        kind=kind,
        time_zone=time_zone,
        features=rules.in_order(features),
        created_at=now,
        updated_at=now,
        event_sequence=0,
    )
    session.add(tenant)
    audit.record(session, "tenant.created", tenant, tenant_id=tenant.id, actor=actor, now=now)
    event = TenantCreated(tenant.id, tenant.name, tenant.kind, tenant.time_zone, tenant.features)
    outbox.add(session, tenant, event, tenants=(tenant.id,), actor=actor, now=now)
    return tenant


def change_tenant(
    session: Session,
    tenant_id: UUID,
    *,
    expected: ETags | None,
    name: str | None = None,
    time_zone: str | None = None,
    actor: Principal,
    now: datetime,
) -> Tenant:
    """Rename the tenant or move it to another time zone; what changes nothing is not told to anybody."""
    tenant = queries.hold_tenant(session, tenant_id)
    versions.require(tenant, expected)
    if tenant.change(name=name, time_zone=time_zone, now=now):
        _tell(session, "tenant.changed", tenant, actor=actor, now=now)
    return tenant


def switch_features(
    session: Session,
    tenant_id: UUID,
    changes: Mapping[str, bool],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Tenant:
    """Switch features on and off; those left out keep their value. The gateway learns it within a second or two."""
    tenant = queries.hold_tenant(session, tenant_id)
    versions.require(tenant, expected)
    if tenant.switch(changes, now):
        _tell(session, "tenant.features_switched", tenant, actor=actor, now=now)
    return tenant


def _tell(session: Session, action: str, tenant: Tenant, *, actor: Principal, now: datetime) -> None:
    audit.record(session, action, tenant, tenant_id=tenant.id, actor=actor, now=now)
    event = TenantChanged(tenant.id, tenant.name, tenant.kind, tenant.time_zone, tenant.features)
    outbox.add(session, tenant, event, tenants=(tenant.id,), actor=actor, now=now)
