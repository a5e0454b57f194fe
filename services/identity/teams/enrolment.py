"""Adding people as the operator does: with a password that somebody has typed for them, or by invitation."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from services.identity.passwords import rules as password_rules
from services.identity.passwords.hashing import hash_password
from services.identity.settings import IdentitySettings
from services.identity.teams import expiry, invitations
from services.identity.tenants import queries as tenant_queries
from services.identity.users import actions as user_actions
from services.identity.users.models import User


@dataclass(frozen=True)
class TypedPassword:
    """A password with its hash, which was made before the transaction."""

    text: str = field(repr=False)
    hash: str = field(repr=False)


def typed(text: str) -> TypedPassword:
    """Hash a password; takes some 25 ms, so never inside a transaction."""
    return TypedPassword(text, hash_password(text))


def enrol(
    session: Session,
    tenant_id: UUID,
    *,
    email: str,
    name: str,
    role: str,
    password: TypedPassword | None,
    settings: IdentitySettings,
    actor: Principal,
    now: datetime,
) -> User:
    """A new user who may sign in at once, or without a password an invited one.

    Raises:
        Invalid: ``role_does_not_fit``, or no good ``password``.
        Conflict: ``email_taken``, ``tenant_ended``; ``sso_required``: a password would open nothing.
        TooManyInvitations: see ``invitations.invite``.
    """
    if password is None:
        return invitations.invite(
            session, tenant_id, email=email, name=name, role=role, settings=settings, actor=actor, now=now
        )
    tenant = tenant_queries.tenant(session, tenant_id)
    invitations.require_passwords(session, tenant, role, settings=settings)
    password_rules.check(password.text, email=email, tenant_name=tenant.name)
    expiry.free_address(session, email, now=now)
    return user_actions.add_user(
        session, tenant_id, email=email, name=name, role=role, password_hash=password.hash, actor=actor, now=now
    )


def join(
    session: Session, token: str, *, name: str, password: TypedPassword, settings: IdentitySettings, now: datetime
) -> User:
    """Accept an invitation with a name and a password; see ``invitations.accept``.

    Raises:
        Invalid: no good ``password``: the link stays good.
    """
    user = invitations.accept(session, token, name=name, password_hash=password.hash, settings=settings, now=now)
    tenant = tenant_queries.tenant(session, user.tenant_id)
    password_rules.check(password.text, email=user.email, tenant_name=tenant.name)
    return user
