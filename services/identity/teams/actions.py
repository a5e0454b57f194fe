"""Removing people, and erasing those who were."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import Conflict
from chassis.core.people import email_digest
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.lookup import one_or_404
from chassis.messaging import outbox
from services.identity.sessions import actions as session_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.rules import Kind
from services.identity.users import queries as user_queries
from services.identity.users.events import PersonErased, UserRemoved
from services.identity.users.models import User


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


def erase_user(session: Session, tenant_id: UUID, user_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Have a removed person forgotten by every service; who is present is removed first. A second time does nothing.

    Raises:
        NotFound: nobody of the tenant has this id.
        Conflict: ``last_platform_admin``.
    """
    mine = select(User).where(User.id == user_id, User.tenant_id == tenant_id)
    user = one_or_404(session, mine.with_for_update(), "There is no such user.")
    if user.erased_at is not None:
        return
    if user.removed_at is None:
        remove_user(session, tenant_id, user_id, actor=actor, now=now)
    user.erased_at, user.password_hash = now, None
    audit.record(session, "user.erased", user, tenant_id=tenant_id, actor=actor, now=now)
    event = PersonErased(user.id, tenant_id, email_digest(user.email))
    outbox.add(session, user, event, tenants=(), actor=actor, now=now)
