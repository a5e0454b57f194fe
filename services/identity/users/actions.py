"""Adding users and the platform's first one, and forgetting them."""

from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.emails import address_key
from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.messaging import outbox
from contracts.roles import Role
from services.identity.common.clients import Client
from services.identity.common.models import Base
from services.identity.identity_providers import queries as provider_queries
from services.identity.passwords.hashing import hash_password
from services.identity.tenants import actions as tenant_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.tenants.rules import Kind
from services.identity.users import queries, rules
from services.identity.users.events import AccountSecured, UserAdded, UserChanged
from services.identity.users.models import ONE_ADDRESS, User
from services.identity.users.rules import Status

PLATFORM_NAME = "Concord"
TAKEN = "Somebody signs in with this e-mail address already."


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
        Conflict: ``email_taken``, by a present user of any tenant; ``tenant_ended``.
    """
    tenant = tenant_queries.tenant(session, tenant_id)
    user = new_user(tenant, email=email, name=name, role=role, password_hash=password_hash, now=now)
    session.add(user)
    audit.record(session, "user.added", user, tenant_id=tenant.id, actor=actor, now=now)
    event = UserAdded(user.id, tenant.id, user.email, user.name, user.role)
    with unless_taken():
        outbox.add(session, user, event, tenants=(tenant.id,), actor=actor, now=now)
    return user


def new_user(tenant: Tenant, *, email: str, name: str, role: str, password_hash: str | None, now: datetime) -> User:
    """A user to be added to a session; write it ``unless_taken()``.

    Raises:
        Invalid: ``role_does_not_fit`` the kind of tenant.
        Conflict: ``tenant_ended``.
    """
    tenant.require_living()
    require_role(tenant, role)
    return User(
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


def require_role(tenant: Tenant, role: str) -> None:
    """Raises:
    Invalid: ``role_does_not_fit`` the kind of tenant.
    """
    if not rules.role_fits(tenant.kind, role):
        raise Invalid.field("role", f"Users of a {tenant.kind} cannot be {role}.", code="role_does_not_fit")


def unless_taken() -> AbstractContextManager[None]:
    """Refuse a block that writes a user as a ``Conflict``, where a present user of any tenant has the address."""
    return conflict_if_taken(ONE_ADDRESS, TAKEN, code="email_taken")


def email_taken() -> Conflict:
    """As ``unless_taken`` refuses, so that nobody can tell which of the two it was."""
    return Conflict(TAKEN, code="email_taken")


def delete_belongings(session: Session, user_id: UUID) -> None:
    """Delete what belongs to an account, in whatever room it is: all rows that refer to the user."""
    session.flush()
    for table in reversed(Base.metadata.sorted_tables):
        for key in table.foreign_keys:
            if key.column is User.__table__.c.id:
                session.execute(delete(table).where(key.parent == user_id))


def publish_change(session: Session, user: User, *, actor: Principal, now: datetime) -> None:
    """Publish a user, whose row is locked, as they are now. Of an invitation nobody has heard yet; ``UserAdded`` will
    say it all."""
    if user.status == Status.INVITED:
        session.flush()
        return
    event = UserChanged(
        user_id=user.id,
        tenant_id=user.tenant_id,
        email=user.email,
        name=user.name,
        role=user.role,
        suspended=user.suspended_at is not None,
        locale=user.locale,
        time_zone=user.time_zone,
    )
    outbox.add(session, user, event, tenants=(user.tenant_id,), actor=actor, now=now)


def publish_secured(
    session: Session, user: User, what: str, *, detail: str, client: Client, actor: Principal, now: datetime
) -> None:
    """Tell the owner of an account, whose row is locked, that something that guards it has changed: no tenant sees it.

    Args:
        what: see ``AccountSecured``.
        detail: the device, which factor, or the former address.
    """
    by_provider = provider_queries.is_enforced(session, user.tenant_id, user.role)
    event = AccountSecured(user.id, user.tenant_id, what, detail, client.address, now, by_provider)
    outbox.add(session, user, event, tenants=(), actor=actor, now=now)


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
