"""Tenants: creating, changing, switching features (S0-1, S0-4)."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import is_taken
from chassis.http import versions
from chassis.messaging import outbox
from services.identity.tenants import queries, rules
from services.identity.tenants.events import TenantChanged, TenantCreated, TenantResumed, TenantSuspended
from services.identity.tenants.models import ONE_SLUG, Tenant

AT_ONCE = 100  # tenants named in one transaction


def create_tenant(
    session: Session,
    *,
    name: str,
    kind: str,
    slug: str | None = None,
    time_zone: str = rules.DEFAULT_TIME_ZONE,
    features: Iterable[str] = (),
    actor: Principal,
    now: datetime,
) -> Tenant:
    """A new tenant with the given features on and all others off; without a ``slug`` it gets one from its name.

    Raises:
        Conflict: ``slug_taken``.
    """
    for address in [slug] if slug else _slugs(name):
        tenant = Tenant(
            id=uuid7(),
            slug=address,
            name=name,
            kind=kind,
            time_zone=time_zone,
            features=rules.in_order(features),
            created_at=now,
            updated_at=now,
            event_sequence=0,
        )
        with _unless_taken(session) as added:
            session.add(tenant)
            _publish(session, TenantCreated, "tenant.created", tenant, actor=actor, now=now)
        if added:
            return tenant
    raise Conflict("Another tenant has this slug.", code="slug_taken")


def name_tenants(session: Session, *, now: datetime) -> bool:
    """Give a slug to some of the tenants that have none, and publish it; return whether there may be more."""
    nameless = queries.lock_nameless_tenants(session, AT_ONCE)
    system = Principal.system("identity")
    for tenant in nameless:
        for address in _slugs(tenant.name):
            with _unless_taken(session) as added:
                tenant.set_slug(address, now)
                _publish(session, TenantChanged, "tenant.named", tenant, actor=system, now=now)
            if added:
                break
    return len(nameless) == AT_ONCE


def fold_names(session: Session) -> bool:
    """Fold the names of some tenants that older code created, for searches; return whether there may be more."""
    tenants = queries.lock_unfolded_tenants(session, AT_ONCE)
    for tenant in tenants:
        tenant.fold_name()
    return len(tenants) == AT_ONCE


def change_tenant(
    session: Session,
    tenant_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected: ETags | None,
    suspended: bool | None = None,
    actor: Principal,
    now: datetime,
) -> Tenant:
    """Give the tenant another name, time zone, language or rule for second factors, suspend or resume it; publish only
    what is different then.

    Raises:
        Conflict: ``invalid_transition``: the platform itself is not suspended; ``tenant_ended``.
    """
    tenant = queries.lock_tenant(session, tenant_id)
    versions.require(tenant, expected)
    tenant.require_living()
    if tenant.change(changes, now):
        _publish(session, TenantChanged, "tenant.changed", tenant, actor=actor, now=now)
    if suspended is not None:
        switch = suspend if suspended else resume
        switch(session, tenant, actor=actor, now=now)
    return tenant


def suspend(session: Session, tenant: Tenant, *, actor: Principal, now: datetime) -> None:
    """Refuse everything of a locked tenant; its data stays. The gateway follows within two seconds."""
    if tenant.suspend(now):
        audit.record(session, "tenant.suspended", tenant, tenant_id=tenant.id, actor=actor, now=now)
        outbox.add(session, tenant, TenantSuspended(tenant.id), tenants=(tenant.id,), actor=actor, now=now)


def resume(session: Session, tenant: Tenant, *, actor: Principal, now: datetime) -> None:
    """Let a suspended tenant, locked, work as before."""
    if tenant.resume(now):
        audit.record(session, "tenant.resumed", tenant, tenant_id=tenant.id, actor=actor, now=now)
        outbox.add(session, tenant, TenantResumed(tenant.id), tenants=(tenant.id,), actor=actor, now=now)


def switch_features(
    session: Session,
    tenant_id: UUID,
    changes: Mapping[str, bool],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Tenant:
    """Switch features on and off; those left out keep their value. The gateway follows within two seconds.

    Raises:
        Conflict: ``tenant_ended``.
    """
    tenant = queries.lock_tenant(session, tenant_id)
    versions.require(tenant, expected)
    tenant.require_living()
    if tenant.switch(changes, now):
        _publish(session, TenantChanged, "tenant.features_switched", tenant, actor=actor, now=now)
    return tenant


def _slugs(name: str) -> Iterator[str]:
    return rules.slugs_of(name, (secrets.token_hex(4) for _ in range(5)))


@contextmanager
def _unless_taken(session: Session) -> Iterator[list[bool]]:
    """Run a block and undo it where its slug turns out to be another tenant's; what it yields is then empty.

    Only trying shows it: another request may take the slug at the same moment.
    """
    added: list[bool] = []
    try:
        with session.begin_nested():
            yield added
            session.flush()
        added.append(True)
    except IntegrityError as error:
        if not is_taken(error, ONE_SLUG):
            raise


def _publish(
    session: Session,
    event_type: type[TenantCreated | TenantChanged],
    action: str,
    tenant: Tenant,
    *,
    actor: Principal,
    now: datetime,
) -> None:
    audit.record(session, action, tenant, tenant_id=tenant.id, actor=actor, now=now)
    event = event_type(tenant.id, tenant.address, tenant.name, tenant.kind, tenant.time_zone, tenant.features)
    outbox.add(session, tenant, event, tenants=(tenant.id,), actor=actor, now=now)
