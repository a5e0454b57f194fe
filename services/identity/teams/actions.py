"""Changing and removing people."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from services.identity.sessions import actions as session_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.rules import Kind
from services.identity.users import queries as user_queries
from services.identity.users.events import UserChanged, UserRemoved
from services.identity.users.models import User
from services.identity.users.rules import role_fits


def change_user(
    session: Session,
    tenant_id: UUID,
    user_id: UUID,
    *,
    role: str | None = None,
    suspended: bool | None = None,
    actor: Principal,
    now: datetime,
) -> User:
    """Give a user another role, suspend or resume one; what is None stays.

    Raises:
        Invalid: ``role_does_not_fit`` the kind of tenant.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    user = user_queries.lock_user(session, tenant.id, user_id)
    if role is not None and not role_fits(tenant.kind, role):
        raise Invalid.field("role", f"Users of a {tenant.kind} cannot be {role}.", code="role_does_not_fit")
    before = (user.role, user.suspended_at)
    user.role = role or user.role
    if suspended is not None and suspended != (user.suspended_at is not None):
        user.suspended_at = now if suspended else None
    if (user.role, user.suspended_at) == before:
        return user
    audit.record(session, "user.changed", user, tenant_id=tenant.id, actor=actor, now=now)
    event = UserChanged(
        user.id,
        tenant.id,
        user.email,
        user.name,
        user.role,
        user.suspended_at is not None,
        user.locale,
        user.time_zone,
    )
    outbox.add(session, user, event, tenants=(tenant.id,), actor=actor, now=now)
    if user.suspended_at is not None:
        session_actions.end_all(session, user.id, now=now)
    session_actions.refuse_tokens(session, [user.id], now=now)
    return user


def remove_user(session: Session, tenant_id: UUID, user_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Shut a user out: no new sign-in, no refresh, and the gateway refuses the tokens still alive.

    Raises:
        Conflict: ``last_platform_admin``: without one the platform cannot be administered.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)  # two last admins cannot remove each other at once
    user = user_queries.lock_user(session, tenant.id, user_id)
    if tenant.kind == Kind.PLATFORM and user_queries.sole_user(session, tenant.id):
        raise Conflict("The last platform admin cannot be removed.", code="last_platform_admin")
    user.remove(now)
    session_actions.end_all(session, user.id, now=now)
    audit.record(session, "user.removed", user, tenant_id=tenant.id, actor=actor, now=now)
    event = UserRemoved(user.id, tenant.id)
    outbox.add(session, user, event, tenants=(tenant.id,), actor=actor, now=now)
