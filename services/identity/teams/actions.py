"""Removing people."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from services.identity.sessions import actions as session_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.rules import Kind
from services.identity.users import queries as user_queries
from services.identity.users.events import UserRemoved


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
