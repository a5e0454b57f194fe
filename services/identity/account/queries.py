"""The caller's own profile and settings, and whose a link is."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import Forbidden, Unauthorized
from chassis.core.principal import Principal
from contracts.features import FEATURES
from contracts.roles import Role
from services.identity.account.models import UserSettings
from services.identity.api_keys.models import ApiKey
from services.identity.factors.models import Passkey, TotpSecret
from services.identity.links import queries as link_queries
from services.identity.links.models import AskedReset
from services.identity.links.rules import RESET, LinkInvalid
from services.identity.settings import IdentitySettings
from services.identity.tenants.models import Tenant
from services.identity.users import own_sign_in
from services.identity.users import queries as user_queries
from services.identity.users.models import User


def profile(session: Session, principal: Principal) -> dict[str, Any]:
    """Who the caller is, with the tenant and its features as they stand now.

    A caller of another issuer has no user here, so the token's name and role are returned. Machines have no e-mail
    address.

    Raises:
        Unauthorized: the tenant is not known here, or the user or API key has been removed.
    """
    tenant = session.get(Tenant, principal.tenant_id)
    user = session.get(User, principal.user_id)
    api_key = session.get(ApiKey, principal.user_id) if principal.role == Role.MACHINE else None
    account = user or api_key
    if tenant is None or (account and account.removed_at):
        raise Unauthorized("This account no longer exists on the platform.")
    return {
        "user_id": principal.user_id,
        "name": account.name if account else principal.name,
        "email": user.email if user else None,
        "role": user.role if user else principal.role,
        "locale": user.locale if user else None,
        "time_zone": user.time_zone if user else None,
        "has_password": user is not None and user.password_hash is not None,
        "second_factor": user is not None and _has_second_factor(session, user),
        "tenant": tenant,
        "features": {feature: feature in tenant.features for feature in FEATURES},
    }


def person(session: Session, principal: Principal) -> tuple[User, Tenant]:
    """The caller's own user and tenant, not locked. Raises as ``lock_person``."""
    user, tenant = session.get(User, principal.user_id), session.get(Tenant, principal.tenant_id)
    return _account_of(user, principal), _present(tenant)


def lock_person(session: Session, principal: Principal) -> User:
    """The caller's own user, locked until the transaction ends.

    Raises:
        Forbidden: ``no_account``: a machine, or somebody whom another issuer vouches for.
    """
    return _account_of(user_queries.lock_present_user(session, principal.user_id), principal)


def person_of_reset(session: Session, token: str, *, settings: IdentitySettings, now: datetime) -> tuple[User, Tenant]:
    """Whose password a token may set.

    Raises:
        LinkInvalid: the link is not good, or its person may not sign in or set a password (any more).
    """
    link = link_queries.link_of_token(session, token, RESET, settings=settings, now=now)
    user = session.get(User, link.user_id) if link else None
    if user is None or not user.may_sign_in or not may_reset(session, user, settings):
        raise LinkInvalid
    return user, _present(session.get(Tenant, user.tenant_id))


def may_reset(session: Session, user: User, settings: IdentitySettings) -> bool:
    """Whether a person may set a new password by mail: not where none would open anything."""
    return own_sign_in.refusal(session, user, settings) is None


def lock_asked_reset(session: Session) -> AskedReset | None:
    """The reset that was asked for first of those that nobody works on, locked until the transaction ends."""
    statement = select(AskedReset).order_by(AskedReset.id).limit(1)
    return session.scalar(statement.with_for_update(skip_locked=True))


def settings_of(session: Session, principal: Principal) -> UserSettings:
    """The caller's settings; none of version 0 where nothing has been stored."""
    return session.get(UserSettings, principal.user_id) or UserSettings(settings={}, version=0)


def lock_settings(session: Session, user: User) -> UserSettings | None:
    """The settings of a person, locked until the transaction ends."""
    return session.scalar(select(UserSettings).where(UserSettings.user_id == user.id).with_for_update())


def _has_second_factor(session: Session, user: User) -> bool:
    totp = select(TotpSecret.user_id).where(TotpSecret.user_id == user.id, TotpSecret.confirmed_at.is_not(None))
    passkey = select(Passkey.user_id).where(Passkey.user_id == user.id)
    return session.scalar(select(totp.exists() | passkey.exists())) or False


def _account_of(user: User | None, principal: Principal) -> User:
    if user is None or principal.role == Role.MACHINE or not user.may_sign_in:
        raise Forbidden("This is for people who have an account here.", code="no_account")
    return user


def _present(tenant: Tenant | None) -> Tenant:
    assert tenant is not None  # users have one
    return tenant
