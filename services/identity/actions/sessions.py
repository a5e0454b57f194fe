"""Signing in and staying signed in: grants, refresh tokens, the throttle. What is refused returns None."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, literal, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.emails import address_key
from chassis.core.errors import Failure
from chassis.core.logs import logger
from chassis.core.principal import Principal
from chassis.data.bulk import execute_counted, insert_ignoring
from chassis.data.columns import UtcDateTime
from services.identity import queries, rules, tokens
from services.identity.actions import signing_keys
from services.identity.crypto import digest, new_secret, same
from services.identity.models import LoginThrottle, RefreshToken, User
from services.identity.settings import IdentitySettings

TRIM = 1000  # rows a call

log = logger(__name__)


class TooManyAttempts(Failure):
    """Too many wrong passwords; ``Retry-After`` says when the next attempt is allowed."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "too_many_attempts"


@dataclass(frozen=True)
class Granted:
    """What a sign-in gives; machines get no refresh token, they have their secret (RFC 6749, 4.4.3)."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(default=None, repr=False)


def throttle_key(account: str, address: str) -> str:
    """One account as tried from one address, without keeping either: people type passwords into the wrong field."""
    return digest(f"{address_key(account)}\n{address}")


def count_attempt(session: Session, key: str, *, limit: int, period: timedelta, now: datetime) -> None:
    """Count a try before its password is looked at, so that many at once are no way round.

    Raises:
        TooManyAttempts: ``limit`` were counted in the ``period`` that began with the first of them.
    """
    insert_ignoring(session, LoginThrottle, [{"key": key, "attempts": 0, "window_start": now}])
    is_over = LoginThrottle.window_start <= now - period
    counted = execute_counted(
        session,
        update(LoginThrottle)
        .where(LoginThrottle.key == key, or_(is_over, LoginThrottle.attempts < limit))
        .values(
            attempts=case((is_over, 1), else_=LoginThrottle.attempts + 1),
            window_start=case((is_over, literal(now, UtcDateTime())), else_=LoginThrottle.window_start),
        ),
    )
    if not counted:
        start = session.scalars(select(LoginThrottle.window_start).where(LoginThrottle.key == key)).one()
        wait = rules.seconds_until_next_try(start, period, now)
        raise TooManyAttempts("Too many attempts to sign in; wait.", headers={"Retry-After": str(wait)})


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
    user = queries.lock_present_user(session, user_id)
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


def sign_in_machine(
    session: Session, api_key: str, secret: str, *, settings: IdentitySettings, now: datetime
) -> Granted | None:
    """Let in a tenant's software that shows its API key and secret."""
    key = queries.lock_credential(session, api_key)
    expected = settings.secret_box.decrypt(key.secret) if key and key.secret else new_secret()
    if not same(expected, secret) or key is None:
        return None
    key.last_used_at = now
    tenant = queries.tenant(session, key.tenant_id)
    return _grant(session, key.as_principal(tenant), None, settings=settings, now=now)


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
    tenant = queries.tenant(session, user.tenant_id)
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
    return _grant(session, user.as_principal(tenant), presented, settings=settings, now=now)


def _grant(
    session: Session, principal: Principal, refresh_token: str | None, *, settings: IdentitySettings, now: datetime
) -> Granted:
    key = signing_keys.active_key(session, settings=settings, now=now)
    access_token = tokens.mint(
        principal,
        kid=key.kid,
        private=settings.secret_box.decrypt(key.secret or ""),
        issuer=settings.issuer,
        lifetime=settings.token_lifetime,
        now=now,
    )
    return Granted(access_token, int(settings.token_lifetime.total_seconds()), refresh_token)
