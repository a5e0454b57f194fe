"""Changing the roles of people, suspending, removing and forgetting them."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from contracts.roles import Role
from privacy import erasures
from privacy.person import FORMER_USER
from services.identity.sessions import actions as session_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.tenants.rules import Kind
from services.identity.users import actions as user_actions
from services.identity.users import addresses
from services.identity.users import queries as user_queries
from services.identity.users.events import PersonErased, UserRemoved
from services.identity.users.models import User
from services.identity.users.rules import ADMIN_OF, Status


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
    """Give a person another role, suspend or resume them; the gateway refuses the tokens still alive.

    Raises:
        Invalid: ``role_does_not_fit`` the kind of tenant.
        Conflict: ``last_admin`` or ``last_platform_admin``, see ``keep_an_admin``; ``invalid_transition``: an
            invitation cannot be suspended.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)  # two last admins cannot demote each other at once
    user = user_queries.lock_user(session, tenant.id, user_id)
    before = (user.role, user.suspended_at)
    if role:
        user_actions.require_role(tenant, role)
    if suspended or role not in (None, user.role):
        keep_an_admin(session, tenant, user, actor)
    user.role = role or user.role
    if suspended is not None:
        user.suspend(now) if suspended else user.resume()
    if (user.role, user.suspended_at) != before:
        audit.record(session, "user.changed", user, tenant_id=tenant.id, actor=actor, now=now)
        _shut_out(session, user, before_role=before[0], now=now)
        user_actions.publish_change(session, user, actor=actor, now=now)
    return user


def remove_user(session: Session, tenant_id: UUID, user_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Shut a user out, or withdraw an invitation: no new sign-in, no refresh, and the gateway refuses the tokens still
    alive. Whatever would open the account goes at once.

    Raises:
        Conflict: ``last_admin`` or ``last_platform_admin``, see ``keep_an_admin``.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)  # two last admins cannot remove each other at once
    user = user_queries.lock_user(session, tenant.id, user_id)
    keep_an_admin(session, tenant, user, actor)
    remove(session, user, actor=actor, now=now)


def erase_user(session: Session, tenant_id: UUID, user_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Forget who a person was; one who is still there is removed first. Every service follows by the event. Whoever is
    forgotten already stays so.

    Raises:
        Conflict: as ``remove_user``.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    user = user_queries.lock_former_user(session, tenant.id, user_id)
    if user.removed_at is None:
        keep_an_admin(session, tenant, user, actor)
    erase(session, user, actor=actor, now=now)


def keep_an_admin(session: Session, tenant: Tenant, user: User, actor: Principal) -> None:
    """Call it before a person of a locked tenant loses its role or place.

    The operator may take away a company's last admin, because the operator can add another one.

    Raises:
        Conflict: ``last_admin``, or ``last_platform_admin`` of the platform's own tenant: nobody else could look after
            it.
    """
    is_admin = user.status == Status.ACTIVE and user.role == ADMIN_OF[Kind(tenant.kind)]
    if not is_admin or user_queries.has_another(session, user):
        return
    if tenant.kind == Kind.PLATFORM:
        raise Conflict("The last platform admin stays.", code="last_platform_admin")
    if actor.role != Role.PLATFORM_ADMIN:
        raise Conflict("The last admin stays. Make somebody else an admin first.", code="last_admin")


def remove(session: Session, user: User, *, action: str = "user.removed", actor: Principal, now: datetime) -> None:
    """Remove a locked user, whoever remains; also one who is only invited: the notifier knows the address by then.
    ``action`` is what the trail calls it."""
    user.remove(now)
    audit.record(session, action, user, tenant_id=user.tenant_id, actor=actor, now=now)
    session_actions.refuse_tokens(session, [user.id], now=now)  # also what was issued while we waited for the lock
    session_actions.end_all(session, user.id, now=now)
    user_actions.delete_belongings(session, user.id)
    event = UserRemoved(user.id, user.tenant_id)
    outbox.add(session, user, event, tenants=(user.tenant_id,), actor=actor, now=now)


def erase(session: Session, user: User, *, actor: Principal, now: datetime) -> None:
    """Forget a locked user, removed or not; nothing happens to one who is forgotten already."""
    if user.erased_at is not None:
        return
    if actor.user_id == user.id:
        actor = replace(actor, name=FORMER_USER)
    if user.removed_at is None:
        remove(session, user, actor=actor, now=now)
    person = addresses.person_of(session, user)
    user.erase(now)
    session.flush()  # so that the trail does not show what was forgotten
    audit.record(session, "user.erased", user, tenant_id=user.tenant_id, actor=actor, now=now)
    for digest in (person.email_digest, *person.earlier_digests):
        erasures.begin(session, replace(person, email_digest=digest, earlier_digests=()), now)
        event = PersonErased(user.id, user.tenant_id, digest)
        outbox.add(session, user, event, tenants=(), actor=actor, now=now)


def _shut_out(session: Session, user: User, *, before_role: str, now: datetime) -> None:
    """No token may say a role that its person has no more, nor open anything for a suspended one."""
    if user.role != before_role or user.suspended_at is not None:
        session_actions.refuse_tokens(session, [user.id], now=now)
    if user.suspended_at is not None:
        session_actions.end_all(session, user.id, now=now)
