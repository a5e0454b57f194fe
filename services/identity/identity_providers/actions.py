"""Letting people back in whose identity provider does not."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data import audit
from services.identity.identity_providers import queries


def stop_enforcing(session: Session, tenant_id: UUID, *, actor: Principal, now: datetime) -> bool:
    """Let the tenant's people sign in by other ways again; its identity provider stays. Returns whether it was the only
    way until now."""
    provider = queries.lock_provider(session, tenant_id)
    if provider is None or not provider.enforced:
        return False
    provider.enforce(False)
    provider.updated_at = now
    audit.record(session, "sso.released", provider, tenant_id=tenant_id, actor=actor, now=now)
    return True
