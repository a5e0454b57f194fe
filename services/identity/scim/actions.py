"""What a tenant's directory does with its people, and the token that it shows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.core.principal import Principal
from chassis.data import audit
from services.identity.common.clients import Client
from services.identity.common.secrets import digest, new_secret
from services.identity.identity_providers import queries as provider_queries
from services.identity.links import actions as link_actions
from services.identity.scim import queries, rules
from services.identity.scim.models import ScimToken
from services.identity.scim.rules import Change
from services.identity.sessions import actions as session_actions
from services.identity.sso.rules import name_of
from services.identity.teams import actions as team_actions
from services.identity.teams import expiry, invitations
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.users import actions as user_actions
from services.identity.users import addresses
from services.identity.users.models import User
from services.identity.users.rules import Status


def issue_token(session: Session, tenant_id: UUID, *, actor: Principal, now: datetime) -> tuple[ScimToken, str]:
    """A new token for the tenant's directory, shown this once; the one before no longer counts."""
    tenant_queries.lock_tenant(session, tenant_id)
    secret = new_secret()
    row = session.get(ScimToken, tenant_id) or ScimToken(tenant_id=tenant_id)
    row.digest, row.created_at, row.last_used_at = digest(secret), now, None
    session.add(row)
    audit.record(session, "scim_token.issued", row, tenant_id=tenant_id, actor=actor, now=now)
    return row, secret


def remove_token(session: Session, tenant_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Shut the tenant's directory out; its people stay.

    Raises:
        NotFound: there is no token.
    """
    row = queries.token(session, tenant_id)
    audit.record(session, "scim_token.removed", row, tenant_id=tenant_id, actor=actor, now=now)
    session.delete(row)


def is_use_worth_noting(row: ScimToken, now: datetime) -> bool:
    """Whether a token's use is written down: not at every request of a sync."""
    return row.last_used_at is None or now - row.last_used_at >= rules.NOTE_USE_EVERY


def note_use(session: Session, tenant_id: UUID, *, now: datetime) -> None:
    """Remember when the tenant's token was last used."""
    row = session.get(ScimToken, tenant_id)
    if row is not None:
        row.last_used_at = now


def add_person(session: Session, tenant_id: UUID, change: Change, *, actor: Principal, now: datetime) -> User:
    """Add a person, who signs in by single sign-on or sets a password by mail.

    Raises:
        Invalid: there is no ``userName``, or the role is an outsider's.
        Conflict: ``email_taken``.
    """
    if change.email is None:
        raise rules.invalid("invalidValue", "userName is missing.")
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    expiry.free_address(session, change.email, now=now)
    user = user_actions.add_user(
        session,
        tenant.id,
        email=change.email,
        name=name_of(change.named(""), change.email),
        role=_role(session, tenant, change.roles or ()),
        password_hash=None,
        actor=actor,
        now=now,
    )
    user.external_id = change.external_id or None
    session.flush()
    if change.active is False:
        team_actions.change_user(session, tenant.id, user.id, suspended=True, actor=actor, now=now)
    return user


def change_person(
    session: Session,
    tenant_id: UUID,
    user_id: UUID,
    change: Change,
    *,
    client: Client,
    actor: Principal,
    now: datetime,
) -> User:
    """Change a person as the directory wants. Another address ends their sessions and the links mailed before, and a
    mail to the former one says so.

    Raises:
        NotFound: the tenant has no such person, or it is an outsider.
        Invalid: the role is an outsider's.
        Conflict: ``email_taken``, or ``last_admin``.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    user = queries.lock_person(session, tenant.id, user_id)
    _change_details(session, user, change, client=client, actor=actor, now=now)
    if change.active is False:
        invitations.admit(session, user, actor=actor, now=now)  # as whom it adds: suspended, and let in by it later
    role = None if change.roles is None else _role(session, tenant, change.roles)
    suspended = None if change.active is None else not change.active
    if (role or user.role) != user.role or suspended not in (None, user.suspended_at is not None):
        team_actions.change_user(session, tenant.id, user.id, role=role, suspended=suspended, actor=actor, now=now)
    return user


def remove_person(session: Session, tenant_id: UUID, user_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Remove a person.

    Raises:
        NotFound: the tenant has no such person, or it is an outsider.
        Conflict: ``last_admin``.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    queries.lock_person(session, tenant.id, user_id)
    team_actions.remove_user(session, tenant.id, user_id, actor=actor, now=now)


def _change_details(
    session: Session, user: User, change: Change, *, client: Client, actor: Principal, now: datetime
) -> None:
    before, mailbox = (user.email, user.name), user.email_key
    if change.email is not None:
        _change_address(session, user, change.email, now)
    name = change.named(user.name)
    if name is not None:
        user.name = name_of(name, user.email)
    if change.external_id is not None:
        user.external_id = change.external_id or None
    if not session.is_modified(user):
        return
    audit.record(session, "user.changed", user, tenant_id=user.tenant_id, actor=actor, now=now)
    with user_actions.unless_taken():
        session.flush()
    if user.email_key != mailbox:
        link_actions.end_links(session, user.id, now=now)
        session_actions.end_all(session, user.id, now=now)
        if user.status != Status.INVITED:  # nobody has lost anything
            user_actions.publish_secured(
                session, user, "email_changed", detail=before[0], client=client, actor=actor, now=now
            )
    if (user.email, user.name) != before:
        user_actions.publish_change(session, user, actor=actor, now=now)


def _change_address(session: Session, user: User, email: str, now: datetime) -> None:
    if address_key(email) == user.email_key:
        user.email = email  # the same mailbox in another spelling
        return
    expiry.free_address(session, email, now=now)
    addresses.move(session, user, email)


def _role(session: Session, tenant: Tenant, values: tuple[str, ...]) -> str:
    provider = provider_queries.provider(session, tenant.id)
    return rules.role_of(values, provider.role_mapping if provider else {}, tenant.kind)
