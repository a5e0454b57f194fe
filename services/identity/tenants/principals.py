"""The caller that an account of a tenant is."""

from uuid import UUID

from chassis.core.principal import Principal
from contracts.roles import Role
from services.identity.tenants.models import Tenant


def principal_of(user_id: UUID, role: Role, name: str, tenant: Tenant, session_id: UUID | None = None) -> Principal:
    """``session_id`` is that of a person's sign-in."""
    return Principal(
        user_id=user_id,
        tenant_id=tenant.id,
        role=role,
        name=name,
        tenant_name=tenant.name,
        tenant_kind=tenant.kind,
        tenant_slug=tenant.address,
        features=frozenset(tenant.features),
        session_id=session_id,
    )
