"""Inviting people, and what becomes of an invitation."""

from collections.abc import Collection
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.core.errors import Conflict, Failure
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from services.identity.identity_providers import failures as provider_failures
from services.identity.identity_providers import queries as provider_queries
from services.identity.links import actions as link_actions
from services.identity.links.rules import INVITATION, INVITATION_LIFETIME, RESET, RESET_LIFETIME, LinkInvalid
from services.identity.settings import IdentitySettings
from services.identity.teams import expiry, queries, rules
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.users import actions as user_actions
from services.identity.users import queries as user_queries
from services.identity.users.events import PasswordResetRequested, UserAdded, UserInvited
from services.identity.users.models import User
from services.identity.users.rules import Status


class TooManyInvitations(Failure):
    """This address has had enough mails, or its tenant has sent enough; ``Retry-After`` says when the next may go."""

    def __init__(self, detail: str, wait: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(wait)})

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "too_many_invitations"


def invite(
    session: Session,
    tenant_id: UUID,
    *,
    email: str,
    name: str,
    role: str,
    settings: IdentitySettings,
    actor: Principal,
    now: datetime,
) -> User:
    """Ask a person by mail to join the tenant. Until they do, nobody else hears of them.

    Raises:
        Invalid: ``role_does_not_fit`` the kind of tenant.
        Conflict: ``email_taken``, by a present or invited user of any tenant; ``tenant_ended``.
        TooManyInvitations: five were sent to this address within a day, or as many as a tenant may send.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)  # invitations at the same moment are counted together
    user = user_actions.new_user(tenant, email=email, name=name, role=role, password_hash=None, now=now)
    _pace(session, tenant.id, address_key(email), apart=timedelta(0), settings=settings, now=now)
    expiry.free_address(session, email, now=now)
    user.invited_at = now
    session.add(user)
    audit.record(session, "user.invited", user, tenant_id=tenant.id, actor=actor, now=now)
    with user_actions.unless_taken():
        session.flush()
    _send(session, tenant, user, settings=settings, actor=actor, now=now)
    return user


def resend(
    session: Session,
    tenant_id: UUID,
    user_id: UUID,
    *,
    apart: timedelta = timedelta(0),
    settings: IdentitySettings,
    actor: Principal,
    now: datetime,
) -> User:
    """Send an invitation again, with a link that replaces the earlier one.

    Raises:
        Conflict: ``invalid_transition``: the person has joined already.
        TooManyInvitations: the last was sent less than ``apart`` ago, or five within a day, or as many as a tenant may
            send.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    user = user_queries.lock_user(session, tenant.id, user_id)
    if user.status != Status.INVITED:
        raise Conflict("This person has joined already.", code="invalid_transition")
    _pace(session, tenant.id, user.email_key, apart=apart, settings=settings, now=now)
    audit.record(session, "user.invitation_sent", user, tenant_id=tenant.id, actor=actor, now=now)
    _send(session, tenant, user, settings=settings, actor=actor, now=now)
    return user


def accept(
    session: Session, token: str, *, name: str, password_hash: str, settings: IdentitySettings, now: datetime
) -> User:
    """Join by the link of an invitation, which is good once: of two who accept it one wins. Everybody hears of the
    person now.

    Raises:
        LinkInvalid: it is unknown, used, replaced or over.
        Forbidden: ``tenant_suspended``: the link stays good.
        Conflict: ``sso_required``: signing in by the tenant's identity provider accepts it.
    """
    link = link_actions.use_link(session, token, INVITATION, settings=settings, now=now)
    user = user_queries.lock_former_user(session, link.tenant_id, link.user_id) if link else None
    if user is None or user.status != Status.INVITED:
        raise LinkInvalid
    tenant = tenant_queries.require_active(session, user.tenant_id)
    require_passwords(session, tenant, user.role, settings=settings)
    user.join(name, password_hash)
    _publish_joined(session, user, actor=user.as_principal(tenant), now=now)
    return user


def admit(session: Session, user: User, *, actor: Principal, now: datetime) -> None:
    """Let a locked person who is only invited be one of the tenant's without the link, because its identity provider or
    its directory says so; nothing happens to others. The link sets no password any more."""
    if user.invited_at is None:
        return
    user.invited_at = None
    link_actions.end_links(session, user.id, now=now)
    _publish_joined(session, user, actor=actor, now=now)


def recover(
    session: Session, tenant_id: UUID, user_id: UUID, *, settings: IdentitySettings, actor: Principal, now: datetime
) -> None:
    """Send a person the mail to set a password, in the operator's name; who has not joined gets the invitation again.

    Raises:
        Conflict: ``invalid_transition``: the person is suspended. ``tenant_suspended`` or ``sso_required``: no password
            can be set there.
        TooManyInvitations: as ``resend``.
    """
    tenant_queries.lock_tenant(session, tenant_id)  # before the user, as everywhere
    user = user_queries.lock_user(session, tenant_id, user_id)
    if user.status == Status.INVITED:
        resend(session, tenant_id, user_id, apart=rules.APART, settings=settings, actor=actor, now=now)
        return
    if user.status != Status.ACTIVE:
        raise Conflict("This user is suspended.", code="invalid_transition")
    tenant = tenant_queries.tenant(session, tenant_id)
    if tenant.is_suspended:
        raise Conflict("This company's access to the platform is suspended.", code="tenant_suspended")
    require_passwords(session, tenant, user.role, settings=settings)
    link = link_actions.make_link(session, user, RESET, lifetime=RESET_LIFETIME, settings=settings, now=now)
    audit.record(session, "user.recovered", user, tenant_id=tenant_id, actor=actor, now=now)
    event = PasswordResetRequested(user.id, tenant_id, link.id, link.expires_at)
    outbox.add(session, user, event, tenants=(), actor=actor, now=now)


def require_passwords(session: Session, tenant: Tenant, role: str, *, settings: IdentitySettings) -> None:
    """Set no password that would open nothing.

    Raises:
        Conflict: ``sso_required``: people of that role sign in by the tenant's identity provider only.
    """
    if provider_queries.is_enforced(session, tenant.id, role):
        raise provider_failures.no_password(tenant.address, settings)


def require_allowance(
    session: Session, tenant_id: UUID, actions: Collection[str], *, settings: IdentitySettings, now: datetime
) -> None:
    """Let a locked tenant invite, or ask for an address, so often in a day; ``actions`` are what counts.

    Raises:
        TooManyInvitations: it has done so as often as it may.
    """
    earlier = queries.allowance_before(session, tenant_id, settings.invitations_per_day, now - rules.DAY, actions)
    if earlier is not None:
        wait = rules.seconds_until(earlier + rules.DAY, now)
        raise TooManyInvitations(
            "Your company has sent as many invitations, or asked for as many taken addresses, as it may in a day.", wait
        )


def _publish_joined(session: Session, user: User, *, actor: Principal, now: datetime) -> None:
    audit.record(session, "user.joined", user, tenant_id=user.tenant_id, actor=actor, now=now)
    event = UserAdded(user.id, user.tenant_id, user.email, user.name, user.role)
    outbox.add(session, user, event, tenants=(user.tenant_id,), actor=actor, now=now)


def _pace(
    session: Session, tenant_id: UUID, email_key: str, *, apart: timedelta, settings: IdentitySettings, now: datetime
) -> None:
    """The tenant is locked, so that invitations at the same moment are counted one after the other."""
    since = now - rules.DAY
    sent = queries.invitations_since(session, tenant_id, email_key, since)
    if wait := rules.seconds_to_wait(sent, now, apart=apart):
        raise TooManyInvitations("This address was written to a moment ago.", wait)
    require_allowance(session, tenant_id, queries.ALLOWANCE, settings=settings, now=now)


def _send(
    session: Session, tenant: Tenant, user: User, *, settings: IdentitySettings, actor: Principal, now: datetime
) -> None:
    link = link_actions.make_link(session, user, INVITATION, lifetime=INVITATION_LIFETIME, settings=settings, now=now)
    event = UserInvited(
        user.id, tenant.id, user.email, user.name, user.role, tenant.name, actor.name, link.id, link.expires_at
    )
    outbox.add(session, user, event, tenants=(tenant.id,), actor=actor, now=now)
