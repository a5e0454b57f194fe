"""Configuring a tenant's identity provider."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Invalid, NotFound, Stale
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.http import versions
from services.identity.identity_providers import queries as provider_queries
from services.identity.identity_providers.models import IdentityProvider
from services.identity.identity_providers.rules import OUTSIDERS, signs_in_by_provider
from services.identity.sessions import actions as session_actions
from services.identity.sessions.models import SignedIn
from services.identity.settings import IdentitySettings
from services.identity.sign_ins.rules import How
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.users.models import User
from services.identity.users.rules import role_fits


def configure(
    session: Session,
    tenant_id: UUID,
    *,
    issuer: str,
    client_id: str,
    client_secret: str | None = None,
    role_claim: str,
    role_mapping: Mapping[str, str],
    enforced: bool,
    expected: ETags | None,
    actor: Principal,
    settings: IdentitySettings,
    now: datetime,
) -> IdentityProvider:
    """Store the tenant's identity provider, or change it. Another issuer or client ends the sessions that the one
    before has begun. Where it becomes the only way to sign in, sessions that began
    in another way end, but for the caller's own and those of outsiders.

    Raises:
        Invalid: ``role_does_not_fit``, or a new issuer or client without a secret.
        Conflict: ``sso_untried``: it cannot be the only way before somebody has signed in by it.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    _require_fitting_roles(tenant, role_mapping)
    provider = _lock_or_new(session, tenant, expected)
    was_enforced = bool(provider.enforced)
    other_client = provider.change_client(issuer, client_id)
    if other_client:
        if client_secret is None:
            raise Invalid.field("clientSecret", "A new issuer or client needs its secret.")
        _forget_people(session, tenant.id, now)
    if client_secret is not None:
        provider.client_secret = settings.secret_box.encrypt(client_secret)
    provider.role_claim, provider.role_mapping = role_claim, dict(role_mapping)
    provider.enforce(enforced)
    provider.updated_at = now
    session.add(provider)
    replaced = {"clientSecret": [None, "replaced"]} if client_secret is not None else {}
    audit.record(session, "sso.configured", provider, tenant_id=tenant.id, actor=actor, now=now, changes=replaced)
    session.flush()
    if enforced and not was_enforced:
        _end_other_sessions(session, tenant.id, but=actor.session_id, now=now)
    return provider


def remove(session: Session, tenant_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime) -> None:
    """Forget the tenant's identity provider, and end the sessions it has begun; its people sign in by other ways again.

    Raises:
        NotFound: there is none.
    """
    provider = require(provider_queries.lock_provider(session, tenant_id))
    versions.require(provider, expected)
    _forget_people(session, tenant_id, now)
    audit.record(session, "sso.removed", provider, tenant_id=tenant_id, actor=actor, now=now)
    session.delete(provider)


def require(provider: IdentityProvider | None) -> IdentityProvider:
    """The provider; raises ``NotFound`` where there is none."""
    if provider is None:
        raise NotFound("There is no identity provider.")
    return provider


def _lock_or_new(session: Session, tenant: Tenant, expected: ETags | None) -> IdentityProvider:
    provider = provider_queries.lock_provider(session, tenant.id)
    if provider is not None:
        versions.require(provider, expected)
        return provider
    if expected is not None:
        raise Stale("There is no identity provider any more.")
    return IdentityProvider(tenant_id=tenant.id, enforced=False)


def _require_fitting_roles(tenant: Tenant, role_mapping: Mapping[str, str]) -> None:
    for value, role in role_mapping.items():
        if not role_fits(tenant.kind, role) or not signs_in_by_provider(role):
            message = f"An identity provider of a {tenant.kind} cannot make anybody {role}."
            raise Invalid.field(f"roleMapping.{value}", message, code="role_does_not_fit")


def _forget_people(session: Session, tenant_id: UUID, now: datetime) -> None:
    """Nobody stays signed in by a provider that is trusted no more. Another one may give the same name to somebody
    else; people are known by their addresses again."""
    begun = select(SignedIn.id).where(
        SignedIn.tenant_id == tenant_id, SignedIn.how == How.SSO, SignedIn.ended_at.is_(None)
    )
    session_actions.end(session, session.scalars(begun), now=now)
    session.execute(
        update(User)
        .where(User.tenant_id == tenant_id, User.sso_subject.is_not(None))
        .values(sso_subject=None)
        .execution_options(synchronize_session=False)
    )


def _end_other_sessions(session: Session, tenant_id: UUID, *, but: UUID | None, now: datetime) -> None:
    statement = (
        select(SignedIn.id)
        .join(User, User.id == SignedIn.user_id)
        .where(SignedIn.tenant_id == tenant_id, SignedIn.how != How.SSO, SignedIn.ended_at.is_(None))
        .where(User.role.not_in(OUTSIDERS))
    )
    session_actions.end(session, set(session.scalars(statement)) - {but}, now=now)
