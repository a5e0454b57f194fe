"""Signing in and staying signed in: sessions and their refresh tokens. What is refused returns None."""

import base64
import hmac
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.clock import CLOCKS_APART, utcnow
from chassis.core.logs import logger
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import among, insert_ignoring
from services.identity.common.clients import Client
from services.identity.common.secrets import digest, new_secret
from services.identity.factors import queries as factor_queries
from services.identity.identity_providers import queries as provider_queries
from services.identity.sessions import queries, rules
from services.identity.sessions.models import RefreshToken, Revocation, SignedIn
from services.identity.settings import IdentitySettings
from services.identity.sign_ins import actions as sign_in_actions
from services.identity.sign_ins import queries as sign_in_queries
from services.identity.sign_ins.rules import How, Outcome
from services.identity.signing_keys.grants import Granted, grant
from services.identity.tenants import queries as tenant_queries
from services.identity.users import actions as user_actions
from services.identity.users import queries as user_queries
from services.identity.users.models import User

log = logger(__name__)


def start(
    session: Session,
    user: User,
    *,
    how: str,
    client: Client,
    keep: bool = True,
    proved_at: datetime | None,
    settings: IdentitySettings,
    now: datetime,
) -> Granted:
    """Begin a session of a user who has shown who they are and whose row is locked.

    ``proved_at`` is when they showed a password or factor, and None where nobody can say; it counts as fresh for a
    while. The session is recorded, and a person who has signed in before hears by mail of what is new in this one.
    """
    _warn_of_what_is_new(session, user, client, now)
    sign_in_actions.record(session, user, name=user.email, how=How(how), outcome=Outcome.OK, client=client, now=now)
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
        proved_at=proved_at,
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

    Raises:
        Forbidden: ``tenant_suspended``; nothing has changed then.
    """
    owner = queries.owner_of_token(session, digest(presented))
    user = user_queries.lock_present_user(session, owner) if owner else None  # users before tokens before sessions
    token = queries.lock_refresh_token(session, digest(presented))
    while token is not None and token.used_at is not None and rules.is_in_grace(token.used_at, now):
        presented = _successor(presented, settings)
        token = queries.lock_refresh_token(session, digest(presented))
        if token is not None and token.used_at is None:
            return _grant_again(session, token, user, presented, settings=settings, now=now)
    if token is None:
        return None
    if token.used_at is not None:
        _end_copied(session, token, client=client, now=now)
        return None
    if user is None or not token.is_good(now):
        return None
    signed_in = queries.session_of(session, token.family) or _of_before(session, user, token, client, settings)
    if signed_in is None or not signed_in.is_alive(now):
        return None
    tenant_queries.require_active(session, user.tenant_id)
    token.use(now)
    signed_in.address = client.address
    return _grant(session, user, signed_in, _successor(presented, settings), settings=settings, now=now)


def revoke(session: Session, *presented: str, now: datetime) -> None:
    """End the sessions that refresh tokens belong to; what is no refresh token of ours is ended already (RFC 7009)."""
    tokens = queries.lock_refresh_tokens(session, [digest(token) for token in presented])
    end(session, {token.family for token in tokens}, now=now)


def end(session: Session, session_ids: Iterable[UUID], *, now: datetime) -> None:
    """End sessions: no renewal, and the gateway refuses the access tokens still alive."""
    ids = list(session_ids)
    if not ids:
        return
    tokens = update(RefreshToken).where(RefreshToken.family.in_(ids), RefreshToken.revoked_at.is_(None))
    session.execute(tokens.values(revoked_at=now))  # before the sessions, as a renewal locks them
    session.execute(update(SignedIn).where(SignedIn.id.in_(ids), SignedIn.ended_at.is_(None)).values(ended_at=now))
    # A renewal of the same moment may still issue one: nothing of an ended sign-in counts, whenever it was issued.
    _refuse(session, ids, at=now + rules.LONGEST_TOKEN, now=now)


def end_own(session: Session, session_id: UUID, *, actor: Principal, now: datetime) -> None:
    """End one of the actor's own sessions. Raises as ``queries.own_session``."""
    signed_in = queries.own_session(session, actor.user_id, session_id)
    audit.record(session, "session.ended", signed_in, tenant_id=signed_in.tenant_id, actor=actor, now=now)
    end(session, [signed_in.id], now=now)


def end_all(session: Session, user_id: UUID, *, but: UUID | None = None, now: datetime) -> None:
    """End every session of a user, except one."""
    statement = select(RefreshToken.family).where(RefreshToken.user_id == user_id, RefreshToken.revoked_at.is_(None))
    families = {
        *session.scalars(statement.distinct()),
        *(living.id for living in queries.living_of_user(session, user_id)),
    }
    end(session, families - {but}, now=now)


def refuse_tokens(session: Session, user_ids: Iterable[UUID], *, now: datetime) -> None:
    """Have the gateway refuse the access tokens of these users that were issued until now.

    The users are locked, and the moment is taken after that: a renewal may have issued a token since the caller's
    ``now``, and whoever renews later sees what has changed. A process whose clock is ahead of ours may have issued one
    in our future, so the moment is none before any of their sessions was seen.
    """
    ids = list(user_ids)
    session.flush()
    user_queries.lock_rows(session, ids)
    locked_at = max(now, utcnow())
    newest = queries.last_seen(session, ids, by=locked_at + CLOCKS_APART) or locked_at
    _refuse(session, ids, at=max(locked_at, newest), now=locked_at)


def _refuse(session: Session, ids: Collection[UUID], *, at: datetime, now: datetime) -> None:
    """Have the gateway refuse what these users or sessions were issued until ``at``, if it does not do so already."""
    insert_ignoring(session, Revocation, [{"id": id, "at": at, "noted_at": now} for id in ids])
    earlier = update(Revocation).where(among(session, Revocation.id, ids), Revocation.at < at)
    session.execute(earlier.values(at=at, noted_at=now).execution_options(synchronize_session=False))


def _end_copied(session: Session, token: RefreshToken, *, client: Client, now: datetime) -> None:
    """End the session of a refresh token that came again too late; only the first time is recorded."""
    log.warning("a used refresh credential came again", user_id=str(token.user_id), session=str(token.family))
    if token.revoked_at is not None:
        return
    user = user_queries.user_of_any_tenant(session, token.user_id)
    sign_in_actions.record(
        session, user, name=user.email, how=How.REFRESH, outcome=Outcome.REUSED, client=client, now=now
    )
    end(session, [token.family], now=now)


def _warn_of_what_is_new(session: Session, user: User, client: Client, now: datetime) -> None:
    """Publish what is new in a person's sign-in, unless it is their very first.

    A device and a neighbourhood (the /24 of an IPv4 address, the /48 of an IPv6 one) are known for 90 days after a
    sign-in. Both known: no mail. A device of an unknown family: a mail, each time. A known device in an unknown
    neighbourhood: a mail, but at most one a day, because phones change their addresses all the time. Whoever has a
    password can claim any device (its ``User-Agent``), but not sign in from the person's own neighbourhood.
    """
    since = now - rules.KNOWN_FOR
    if not sign_in_queries.uses_device(session, user.id, client.device, since=since):
        what = "new_device"
    elif not sign_in_queries.knows_neighbourhood(session, user.id, client.network, since=since):
        what = "new_network"
    else:
        return
    if not sign_in_queries.has_signed_in(session, user.id):
        return
    if what == "new_network" and not user.note_network_warning(now, every=rules.WARN_OF_NETWORK_EVERY):
        return
    user_actions.publish_secured(
        session, user, what, detail=client.device, client=client, actor=Principal.system("identity"), now=now
    )


def _successor(presented: str, settings: IdentitySettings) -> str:
    """The refresh token that follows one: the same however often it is asked for, and for us alone to make."""
    made = hmac.digest(settings.derive("refresh tokens"), presented.encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _of_before(
    session: Session, user: User, token: RefreshToken, client: Client, settings: IdentitySettings
) -> SignedIn | None:
    """The session of a refresh token from before there were sessions: it began with a password, so there is none where
    only the tenant's identity provider lets people in."""
    if provider_queries.is_enforced(session, user.tenant_id, user.role):
        return None
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
    session: Session,
    token: RefreshToken,
    user: User | None,
    refresh_token: str,
    *,
    settings: IdentitySettings,
    now: datetime,
) -> Granted | None:
    signed_in = queries.session_of(session, token.family)
    if user is None or signed_in is None or not signed_in.is_alive(now) or not token.is_good(now):
        return None
    tenant_queries.require_active(session, user.tenant_id)
    return _access(session, user, signed_in, refresh_token, settings=settings, now=now)


def _access(
    session: Session, user: User, signed_in: SignedIn, refresh_token: str, *, settings: IdentitySettings, now: datetime
) -> Granted:
    tenant = tenant_queries.tenant(session, user.tenant_id)
    # Who comes by single sign-on has shown what their own provider asks for.
    setup = signed_in.how != How.SSO and factor_queries.must_set_up(session, user.id, tenant, settings)
    principal = replace(user.as_principal(tenant, signed_in.id), setup=setup)
    issued_at = rules.issued_at(queries.refused_until(session, user.id), now)
    signed_in.seen_at = max(signed_in.seen_at, issued_at)
    granted = grant(session, principal, refresh_token, settings=settings, now=issued_at)
    expires_at = min(now + settings.idle_lifetime, signed_in.expires_at)
    return replace(granted, cookie_lifetime=expires_at - now if signed_in.keep else None)
