"""Users: adding and removing them, and the platform's first one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.emails import address_key
from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.messaging import outbox
from contracts.roles import Role
from services.identity import queries, rules
from services.identity.actions import sessions, tenants
from services.identity.crypto import hash_password
from services.identity.events import UserAdded, UserRemoved
from services.identity.models import ONE_ADDRESS, User
from services.identity.rules import Kind

PLATFORM_NAME = "Concord"


def add_user(
    session: Session,
    tenant_id: UUID,
    *,
    email: str,
    name: str,
    role: str,
    password_hash: str,
    actor: Principal,
    now: datetime,
) -> User:
    """A new user of the tenant.

    Raises:
        Invalid: ``role_does_not_fit`` the kind of tenant.
        Conflict: ``email_taken``, by a present user of any tenant.
    """
    tenant = queries.tenant(session, tenant_id)
    if not rules.role_fits(tenant.kind, role):
        raise Invalid.field("role", f"Users of a {tenant.kind} cannot be {role}.", code="role_does_not_fit")
    user = User(
        id=uuid7(),
        tenant_id=tenant.id,
        email=email,
        email_key=address_key(email),
        name=name,
        role=role,
        password_hash=password_hash,
        created_at=now,
        event_sequence=0,
    )
    session.add(user)
    audit.record(session, "user.added", user, tenant_id=tenant.id, actor=actor, now=now)
    event = UserAdded(user.id, tenant.id, user.email, user.name, user.role)
    with conflict_if_taken(ONE_ADDRESS, "Somebody signs in with this e-mail address already.", code="email_taken"):
        outbox.add(session, user, event, tenants=(tenant.id,), actor=actor, now=now)
    return user


def remove_user(session: Session, tenant_id: UUID, user_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Shut a user out: no new sign-in, no refresh, and the gateway refuses the tokens still alive.

    Raises:
        Conflict: ``last_platform_admin``: without one the platform cannot be administered.
    """
    tenant = queries.lock_tenant(session, tenant_id)  # two last admins cannot remove each other at once
    user = queries.lock_user(session, tenant.id, user_id)
    if tenant.kind == Kind.PLATFORM and queries.sole_user(session, tenant.id):
        raise Conflict("The last platform admin cannot be removed.", code="last_platform_admin")
    user.remove(now)
    sessions.end_sessions(session, user.id, now=now)
    audit.record(session, "user.removed", user, tenant_id=tenant.id, actor=actor, now=now)
    event = UserRemoved(user.id, tenant.id)
    outbox.add(session, user, event, tenants=(tenant.id,), actor=actor, now=now)


def add_first_platform_admin(session: Session, email: str, name: str, password: str, now: datetime) -> User | None:
    """Create the platform's tenant, if it is missing, and its first admin; None if there is an admin.

    Raises:
        Conflict: ``email_taken`` by a user of another tenant.
    """
    system = Principal.system("identity")
    platform = queries.lock_platform(session)
    if platform is None:
        platform = tenants.create_tenant(session, name=PLATFORM_NAME, kind=Kind.PLATFORM, actor=system, now=now)
    if queries.has_platform_admin(session):
        return None
    return add_user(
        session,
        platform.id,
        email=email,
        name=name,
        role=Role.PLATFORM_ADMIN,
        password_hash=hash_password(password),
        actor=system,
        now=now,
    )
