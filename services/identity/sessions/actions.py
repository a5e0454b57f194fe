"""Signing in and staying signed in: sessions and their refresh tokens. What is refused returns None."""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.logs import logger
from chassis.data.bulk import execute_counted, insert_ignoring
from services.identity.common.clients import Client
from services.identity.common.secrets import digest, new_secret
from services.identity.factors import queries as factor_queries
from services.identity.sessions import queries, rules
from services.identity.sessions.models import LoginThrottle, RefreshToken, Revocation, SignedIn
from services.identity.settings import IdentitySettings
from services.identity.signing_keys.grants import Granted, grant
from services.identity.tenants import queries as tenant_queries
from services.identity.users import queries as user_queries
from services.identity.users.models import User

TRIM = 1000  # rows a call

log = logger(__name__)


def start(
    session: Session,
    user: User,
    *,
    how: str,
    client: Client,
    keep: bool = True,
    settings: IdentitySettings,
    now: datetime,
) -> Granted:
    """Begin a session of a user who has shown who they are; that counts as fresh."""
    signed_in = SignedIn(
        id=uuid7(),
        tenant_id=user.tenant_id,
        user_id=user.id,
        how=how,
        device=client.device,
        address=client.address,
        keep=keep,
        created_at=now,
        seen_at=now,
        proved_at=now,
        expires_at=now + settings.session_lifetime,
    )
    session.add(signed_in)
    session.flush()
    return _grant(session, user, signed_in, new_secret(), settings=settings, now=now)


def renew(
    session: Session, presented: str, *, client: Client, settings: IdentitySettings, now: datetime
) -> Granted | None:
    """Exchange a refresh token for a new pair.

    One that was used less than ten seconds ago gives the same successor again: two tabs share it, or its answer was
    lost. Later it has been copied, and its session is ended (RFC 9700, 4.14).
    """
    token = queries.lock_refresh_token(session, digest(presented))
    while token is not None and token.used_at is not None and rules.is_in_grace(token.used_at, now):
        presented = _successor(presented, settings)
        token = queries.lock_refresh_token(session, digest(presented))
        if token is not None and token.used_at is None:
            return _grant_again(session, token, presented, settings=settings, now=now)
    if token is None:
        return None
    if token.used_at is not None:
        log.warning("a used refresh credential came again", user_id=str(token.user_id), session=str(token.family))
        end(session, [token.family], now=now)
        return None
    user = user_queries.lock_present_user(session, token.user_id)
    if user is None or not token.is_good(now):
        return None
    signed_in = queries.living(session, token.family) or _of_before(session, token, client, settings)
    if now >= signed_in.expires_at:
        return None
    token.use(now)
    signed_in.seen_at = now
    signed_in.address = client.address
    return _grant(session, user, signed_in, _successor(presented, settings), settings=settings, now=now)


def revoke(session: Session, presented: str, *, now: datetime) -> None:
    """End the session a refresh token belongs to; what is no refresh token of ours is ended already (RFC 7009)."""
    token = queries.lock_refresh_token(session, digest(presented))
    if token is not None:
        end(session, [token.family], now=now)


def end(session: Session, session_ids: Iterable[UUID], *, now: datetime) -> None:
    """End sessions: no renewal, and the gateway refuses the access tokens still alive."""
    ids = list(session_ids)
    if not ids:
        return
    session.execute(update(SignedIn).where(SignedIn.id.in_(ids), SignedIn.ended_at.is_(None)).values(ended_at=now))
    tokens = update(RefreshToken).where(RefreshToken.family.in_(ids), RefreshToken.revoked_at.is_(None))
    session.execute(tokens.values(revoked_at=now))
    refuse_tokens(session, ids, now=now)


def end_all(session: Session, user_id: UUID, *, but: UUID | None = None, now: datetime) -> None:
    """End every session of a user, except one."""
    statement = select(RefreshToken.family).where(RefreshToken.user_id == user_id, RefreshToken.revoked_at.is_(None))
    families = {
        *session.scalars(statement.distinct()),
        *(living.id for living in queries.living_of_user(session, user_id)),
    }
    end(session, families - {but}, now=now)


def refuse_tokens(session: Session, ids: Iterable[UUID], *, now: datetime) -> None:
    """Have the gateway refuse the access tokens of these users or sessions that were issued until now."""
    session.flush()
    insert_ignoring(session, Revocation, [{"id": id, "at": now} for id in ids])
    session.execute(update(Revocation).where(Revocation.id.in_(list(ids)), Revocation.at < now).values(at=now))


def trim(session: Session, *, period: timedelta, now: datetime) -> bool:
    """Delete expired refresh tokens, ended sessions and throttles; return whether there may be more."""
    ended = select(RefreshToken.id).where(RefreshToken.expires_at < now).limit(TRIM)
    tokens_gone = execute_counted(session, delete(RefreshToken).where(RefreshToken.id.in_(ended)))
    idle = select(LoginThrottle.key).where(LoginThrottle.window_start < now - period).limit(TRIM)
    throttles_gone = execute_counted(session, delete(LoginThrottle).where(LoginThrottle.key.in_(idle)))
    return max(tokens_gone, throttles_gone) >= TRIM


def _successor(presented: str, settings: IdentitySettings) -> str:
    """The refresh token that follows one: the same however often it is asked for, and for us alone to make."""
    made = hmac.digest(settings.derive("refresh tokens"), presented.encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _of_before(session: Session, token: RefreshToken, client: Client, settings: IdentitySettings) -> SignedIn:
    """The session of a refresh token from before there were sessions."""
    signed_in = SignedIn(
        id=token.family,
        tenant_id=token.tenant_id,
        user_id=token.user_id,
        how="password",
        device=client.device,
        address=client.address,
        keep=True,
        created_at=token.created_at,
        seen_at=token.created_at,
        expires_at=token.created_at + settings.session_lifetime,
    )
    session.add(signed_in)
    session.flush()
    return signed_in


def _grant(
    session: Session, user: User, signed_in: SignedIn, refresh_token: str, *, settings: IdentitySettings, now: datetime
) -> Granted:
    session.add(
        RefreshToken(
            id=uuid7(),
            tenant_id=user.tenant_id,
            user_id=user.id,
            family=signed_in.id,
            digest=digest(refresh_token),
            created_at=now,
            expires_at=min(now + settings.idle_lifetime, signed_in.expires_at),
        )
    )
    return _access(session, user, signed_in, refresh_token, settings=settings, now=now)


def _grant_again(
    session: Session, token: RefreshToken, refresh_token: str, *, settings: IdentitySettings, now: datetime
) -> Granted | None:
    user = user_queries.lock_present_user(session, token.user_id)
    signed_in = queries.living(session, token.family)
    if user is None or signed_in is None or not token.is_good(now):
        return None
    return _access(session, user, signed_in, refresh_token, settings=settings, now=now)


def _access(
    session: Session, user: User, signed_in: SignedIn, refresh_token: str, *, settings: IdentitySettings, now: datetime
) -> Granted:
    tenant = tenant_queries.tenant(session, user.tenant_id)
    # Who comes by single sign-on has shown what their own provider asks for.
    setup = signed_in.how != "sso" and factor_queries.must_set_up(session, user.id, tenant, settings)
    principal = replace(user.as_principal(tenant, signed_in.id), setup=setup)
    return grant(session, principal, refresh_token, settings=settings, now=now)
