"""Signing in by a tenant's identity provider: an attempt begins, comes back once, and gives a person a session."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chassis.core.errors import Conflict
from chassis.core.logs import logger
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import execute_counted
from services.identity.common.clients import Client
from services.identity.common.secrets import digest
from services.identity.identity_providers import queries as provider_queries
from services.identity.identity_providers.models import IdentityProvider
from services.identity.identity_providers.rules import signs_in_by_provider
from services.identity.sessions import actions as session_actions
from services.identity.settings import IdentitySettings
from services.identity.sign_ins.rules import How
from services.identity.signing_keys.grants import Granted
from services.identity.sso import failures, queries, rules
from services.identity.sso.models import SsoAttempt
from services.identity.sso.rules import Person
from services.identity.teams import actions as team_actions
from services.identity.teams import expiry, invitations
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.users import actions as user_actions
from services.identity.users import queries as user_queries
from services.identity.users.models import User

TRIM = 1000  # rows a call

log = logger(__name__)


def begin(
    session: Session,
    provider: IdentityProvider,
    *,
    state: str,
    browser: str,
    nonce: str,
    verifier: str,
    next: str,
    settings: IdentitySettings,
    now: datetime,
) -> None:
    """Remember a sign-in that goes to the provider now."""
    session.add(
        SsoAttempt(
            state=digest(state),
            tenant_id=provider.tenant_id,
            issuer=provider.issuer,
            browser=digest(browser),
            nonce=settings.secret_box.encrypt(nonce),
            verifier=settings.secret_box.encrypt(verifier),
            next=next,
            expires_at=now + rules.ATTEMPT_LIFETIME,
        )
    )


def use_up(session: Session, attempt: SsoAttempt) -> bool:
    """End an attempt that has come back; False where another request did so before: it counts once."""
    return execute_counted(session, delete(SsoAttempt).where(SsoAttempt.state == attempt.state)) == 1


def sign_in(
    session: Session,
    attempt: SsoAttempt,
    person: Person,
    *,
    client: Client,
    settings: IdentitySettings,
    now: datetime,
) -> Granted:
    """Begin a session of the person whom the tenant's provider has named; a new one is added.

    Raises:
        NotSignedIn: the address is not verified or another account's, the person is suspended, or has no role; or the
            tenant has another provider now.
    """
    if person.email is None or not person.email_verified:
        raise failures.unverified_email()
    tenant = tenant_queries.lock_tenant(session, attempt.tenant_id)  # two first sign-ins make one user
    provider = provider_queries.lock_provider(session, tenant.id)
    if provider is None or provider.issuer != attempt.issuer:
        raise failures.expired()
    if tenant.is_suspended:
        raise failures.suspended()
    role = rules.mapped_role(provider.role_mapping, person.roles, tenant.kind)
    user = _known(session, tenant, person, now)
    if user is None:
        user = _add(session, tenant, person, role, now)
    if user.suspended_at is not None:
        raise failures.suspended()
    if role is None and provider.role_mapping:
        raise failures.no_role()
    _link(session, user, person.subject, now)
    if role is not None and role != user.role:
        _change_role(session, user, role, now)
    provider.worked_at = provider.worked_at or now
    session.flush()
    return session_actions.start(
        session,
        user,
        how=How.SSO,
        client=client,
        keep=False,
        proved_at=rules.proved_at(person.auth_time, now),
        settings=settings,
        now=now,
    )


def trim(session: Session, *, now: datetime) -> bool:
    """Delete sign-ins that never came back; return whether there may be more."""
    over = select(SsoAttempt.state).where(SsoAttempt.expires_at < now).limit(TRIM)
    return execute_counted(session, delete(SsoAttempt).where(SsoAttempt.state.in_(over))) >= TRIM


def _known(session: Session, tenant: Tenant, person: Person, now: datetime) -> User | None:
    """The user of the tenant, locked: whom the provider has named before, else whose address it is."""
    user = queries.user_of_subject(session, tenant.id, person.subject)
    if user is None:
        expiry.free_address(session, person.email or "", besides=tenant.id, now=now)
        user = next(iter(user_queries.users_of_address(session, [person.email or ""])), None)
        if user is None:
            return None
        if user.tenant_id != tenant.id or user.sso_subject is not None:
            raise failures.belongs_elsewhere()
    user = user_queries.lock_user(session, tenant.id, user.id)
    if not signs_in_by_provider(user.role):
        raise failures.belongs_elsewhere()  # the account is the person's own, not the company's
    return user


def _add(session: Session, tenant: Tenant, person: Person, role: str | None, now: datetime) -> User:
    if role is None:
        raise failures.no_role()
    return user_actions.add_user(
        session,
        tenant.id,
        email=person.email or "",
        name=person.name,
        role=role,
        password_hash=None,
        actor=_identity(),
        now=now,
    )


def _link(session: Session, user: User, subject: str, now: datetime) -> None:
    """Know the person by what the provider calls them, whatever their address becomes there. Who was only invited has
    come now: the provider of the company that invited them has verified the address."""
    if user.sso_subject is None:
        user.sso_subject = subject
        audit.record(session, "user.linked", user, tenant_id=user.tenant_id, actor=_identity(), now=now)
        session.flush()
    invitations.admit(session, user, actor=_identity(), now=now)


def _change_role(session: Session, user: User, role: str, now: datetime) -> None:
    """Follow the mapping; only a tenant's last admin stays one."""
    try:
        team_actions.change_user(session, user.tenant_id, user.id, role=role, actor=_identity(), now=now)
    except Conflict as refusal:
        if refusal.code != "last_admin":
            raise
        log.warning("the last admin keeps the role", user_id=str(user.id), tenant_id=str(user.tenant_id), mapped=role)


def _identity() -> Principal:
    return Principal.system("single sign-on")
