"""Adding users, and the platform's first one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.emails import address_key
from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.messaging import outbox
from contracts.roles import Role
from services.identity.passwords.hashing import hash_password
from services.identity.tenants import actions as tenant_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.rules import Kind
from services.identity.users import queries, rules
from services.identity.users.events import UserAdded
from services.identity.users.models import ONE_ADDRESS, User

PLATFORM_NAME = "Concord"


def add_user(
    session: Session,
    tenant_id: UUID,
    *,
    email: str,
    name: str,
    role: str,
    password_hash: str | None,
    actor: Principal,
    now: datetime,
) -> User:
    """A new user of the tenant; without a password one who signs in by its identity provider, or sets one by mail.

    Raises:
        Invalid: ``role_does_not_fit`` the kind of tenant.
        Conflict: ``email_taken``, by a present user of any tenant.
    """
    tenant = tenant_queries.tenant(session, tenant_id)
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


def add_first_platform_admin(session: Session, email: str, name: str, password: str, now: datetime) -> User | None:
    """Create the platform's tenant, if it is missing, and its first admin; None if there is an admin.

    Raises:
        Conflict: ``email_taken`` by a user of another tenant.
    """
    system = Principal.system("identity")
    platform = tenant_queries.lock_platform(session)
    if platform is None:
        platform = tenant_actions.create_tenant(session, name=PLATFORM_NAME, kind=Kind.PLATFORM, actor=system, now=now)
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
