"""API keys of a tenant's own software: issuing, removing, signing in with them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import execute_counted
from chassis.data.encryption import SecretBox
from services.identity.api_keys import queries
from services.identity.api_keys.models import ApiKey
from services.identity.api_keys.rules import new_api_key
from services.identity.common.secrets import new_secret, same
from services.identity.settings import IdentitySettings
from services.identity.signing_keys.grants import Granted, grant
from services.identity.tenants import queries as tenant_queries

SHORTEST = timedelta(seconds=1)


def sign_in_machine(
    session: Session, api_key: str, secret: str, *, settings: IdentitySettings, now: datetime
) -> Granted | None:
    """Let in a tenant's software that shows its API key and secret; None where they are not right. No token outlives
    its key.

    Raises:
        Forbidden: ``tenant_suspended``, which only those hear of who know the secret.
    """
    key = queries.lock_credential(session, api_key)
    expected = settings.secret_box.decrypt(key.secret) if key and key.secret else new_secret()
    if not same(expected, secret) or key is None:
        return None
    tenant = tenant_queries.require_active(session, key.tenant_id)
    lifetime = min(settings.token_lifetime, key.expires_at - now) if key.expires_at else settings.token_lifetime
    if lifetime < SHORTEST:
        return None
    key.last_used_at = now
    return grant(session, key.as_principal(tenant), None, settings=settings, lifetime=lifetime, now=now)


@dataclass(frozen=True)
class IssuedKey:
    """A new API key with its secret in the clear: the only time it is shown."""

    id: UUID
    api_key: str
    secret: str = field(repr=False)


def issue_api_key(
    session: Session,
    tenant_id: UUID,
    *,
    name: str,
    expires_at: datetime | None = None,
    secret_box: SecretBox,
    actor: Principal,
    now: datetime,
) -> IssuedKey:
    """A new API key of the tenant, good until ``expires_at`` if it has an end. The secret is stored encrypted, because
    signed requests are checked with it.

    Raises:
        Invalid: the end is not in the future.
        Conflict: ``tenant_ended``.
    """
    tenant = tenant_queries.tenant(session, tenant_id)
    tenant.require_living()
    if expires_at is not None and expires_at <= now:
        raise Invalid.field("expiresAt", "Must be in the future.")
    issued = IssuedKey(uuid7(), new_api_key(), new_secret())
    key = ApiKey(
        id=issued.id,
        tenant_id=tenant.id,
        api_key=issued.api_key,
        name=name,
        secret=secret_box.encrypt(issued.secret),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    audit.record(session, "api_key.issued", key, tenant_id=tenant.id, actor=actor, now=now)
    return issued


def remove_api_key(session: Session, tenant_id: UUID, key_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Shut an API key out; its secret is forgotten, and the gateway refuses the tokens still alive."""
    key = queries.lock_api_key(session, tenant_id, key_id)
    key.remove(now)
    audit.record(session, "api_key.removed", key, tenant_id=tenant_id, actor=actor, now=now)


def record_uses(session: Session, key_ids: Collection[UUID], *, now: datetime) -> int:
    """Store that requests were signed with these keys; return how many of the keys exist. Not audited."""
    used = update(ApiKey).where(ApiKey.id.in_(key_ids), ApiKey.removed_at.is_(None))
    return execute_counted(session, used.values(last_used_at=now))
