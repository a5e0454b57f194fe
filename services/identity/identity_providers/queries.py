"""Reads of identity providers."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.identity_providers import rules
from services.identity.identity_providers.models import IdentityProvider


def provider(session: Session, tenant_id: UUID) -> IdentityProvider | None:
    """The tenant's identity provider."""
    return session.scalar(select(IdentityProvider).where(IdentityProvider.tenant_id == tenant_id))


def lock_provider(session: Session, tenant_id: UUID) -> IdentityProvider | None:
    """The tenant's identity provider, locked until the transaction ends."""
    statement = select(IdentityProvider).where(IdentityProvider.tenant_id == tenant_id)
    return session.scalar(statement.with_for_update())


def is_enforced(session: Session, tenant_id: UUID, role: str) -> bool:
    """Whether the tenant's people of that role sign in by its identity provider only: passwords and passkeys do not
    count, and no password can be set. It binds no outsiders (``rules``)."""
    if not rules.signs_in_by_provider(role):
        return False
    statement = select(IdentityProvider.enforced).where(IdentityProvider.tenant_id == tenant_id)
    return bool(session.scalar(statement))
