"""Signing in and staying signed in: grants and refresh tokens. What is refused returns None."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.logs import logger
from chassis.data.bulk import execute_counted
from services.identity.common.secrets import digest, new_secret
from services.identity.sessions import queries
from services.identity.sessions.models import LoginThrottle, RefreshToken
from services.identity.settings import IdentitySettings
from services.identity.signing_keys.grants import Granted, grant
from services.identity.tenants import queries as tenant_queries
from services.identity.users import queries as user_queries
from services.identity.users.models import User

TRIM = 1000  # rows a call
log = logger(__name__)


def sign_in(
    session: Session,
    user_id: UUID,
    *,
    throttle: str,
    new_hash: str | None = None,
    settings: IdentitySettings,
    now: datetime,
) -> Granted | None:
    """Let in a user whose password was right; None when the user has been removed meanwhile.

    The try is taken off the throttle again: only wrong passwords count. ``new_hash`` replaces an outdated one.
    """
    user = user_queries.lock_present_user(session, user_id)
    if user is None:
        return None
    user.password_hash = new_hash or user.password_hash
    session.execute(
        update(LoginThrottle)
        .where(LoginThrottle.key == throttle, LoginThrottle.attempts > 0)
        .values(attempts=LoginThrottle.attempts - 1)
        .execution_options(synchronize_session=False)
    )
    return _grant_user(session, user, family=uuid7(), settings=settings, now=now)


def refresh(session: Session, presented: str, *, settings: IdentitySettings, now: datetime) -> Granted | None:
    """Exchange a refresh token for a new pair. One that was used before ends its whole family (RFC 9700, 4.14)."""
    token = queries.lock_refresh_token(session, digest(presented))
    if token is None:
        return None
    if token.used_at is not None:
        log.warning("a used refresh credential came again", user_id=str(token.user_id), family=str(token.family))
        _revoke_all(session, RefreshToken.family == token.family, now)
        return None
    user = session.scalar(select(User).where(User.id == token.user_id, User.removed_at.is_(None)))
    if user is None or not token.is_good(now):
        return None
    token.use(now)
    return _grant_user(session, user, family=token.family, settings=settings, now=now)


def revoke(session: Session, presented: str, *, now: datetime) -> None:
    """End the sign-in a refresh token belongs to; what is no refresh token of ours is ended already (RFC 7009)."""
    token = queries.lock_refresh_token(session, digest(presented))
    if token is not None:
        _revoke_all(session, RefreshToken.family == token.family, now)


def end_sessions(session: Session, user_id: UUID, *, now: datetime) -> None:
    """Revoke every refresh token of a user."""
    _revoke_all(session, RefreshToken.user_id == user_id, now)


def trim(session: Session, *, period: timedelta, now: datetime) -> bool:
    """Delete expired refresh tokens and throttles; return whether there may be more."""
    ended = select(RefreshToken.id).where(RefreshToken.expires_at < now).limit(TRIM)
    tokens_gone = execute_counted(session, delete(RefreshToken).where(RefreshToken.id.in_(ended)))
    idle = select(LoginThrottle.key).where(LoginThrottle.window_start < now - period).limit(TRIM)
    throttles_gone = execute_counted(session, delete(LoginThrottle).where(LoginThrottle.key.in_(idle)))
    return max(tokens_gone, throttles_gone) >= TRIM


def _revoke_all(session: Session, condition: ColumnElement[bool], now: datetime) -> None:
    session.execute(update(RefreshToken).where(condition, RefreshToken.revoked_at.is_(None)).values(revoked_at=now))


def _grant_user(session: Session, user: User, *, family: UUID, settings: IdentitySettings, now: datetime) -> Granted:
    tenant = tenant_queries.tenant(session, user.tenant_id)
    presented = new_secret()
    session.add(
        RefreshToken(
            id=uuid7(),
            tenant_id=user.tenant_id,
            user_id=user.id,
            family=family,
            digest=digest(presented),
            created_at=now,
            expires_at=now + settings.refresh_lifetime,
        )
    )
    return grant(session, user.as_principal(tenant), presented, settings=settings, now=now)
