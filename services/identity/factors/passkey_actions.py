"""Passkeys: challenges, adding, showing, removing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from webauthn.helpers import generate_challenge

from chassis.core.errors import Conflict
from chassis.core.logs import logger
from chassis.core.principal import Principal
from chassis.data.bulk import execute_counted
from chassis.data.errors import conflict_if_taken
from services.identity.common.clients import Client
from services.identity.factors import actions, queries, rules, verification
from services.identity.factors.models import ONE_CREDENTIAL, Passkey, PasskeyChallenge
from services.identity.factors.verification import Json, NotVerified, RelyingParty
from services.identity.settings import IdentitySettings
from services.identity.users.models import User

TRIM = 1000  # rows a call

log = logger(__name__)


class Purpose(StrEnum):
    """What a challenge is for."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    STEP_UP = "step_up"


@dataclass(frozen=True)
class Taken:
    """A challenge that has been used up just now, by what claims to answer it."""

    challenge: bytes
    user_id: UUID | None


@dataclass(frozen=True)
class Shown:
    """Whose passkey was shown, and whether the device has checked who holds it."""

    user_id: UUID
    user_verified: bool


def new_challenge(session: Session, purpose: Purpose, user_id: UUID | None, *, now: datetime) -> bytes:
    """512 random bits for a device to sign, good once within five minutes; ``user_id`` is whose passkey has to."""
    challenge = generate_challenge()
    expires_at = now + rules.CHALLENGE_LIFETIME
    session.add(
        PasskeyChallenge(id=uuid7(), purpose=purpose, user_id=user_id, challenge=challenge, expires_at=expires_at)
    )
    return challenge


def take_challenge(session: Session, purpose: Purpose, credential: Json, *, now: datetime) -> Taken:
    """Use up the challenge that a device says it has signed. Commit it before anything is verified: whatever comes of
    that, no challenge is good twice.

    Raises:
        NotVerified: it is none of ours, for something else, used up or over.
    """
    claimed = verification.claims_of(credential).challenge
    present = (PasskeyChallenge.challenge == claimed, PasskeyChallenge.purpose == purpose)
    row = session.scalar(select(PasskeyChallenge).where(*present))
    gone = delete(PasskeyChallenge).where(*present, PasskeyChallenge.expires_at > now)
    if row is None or execute_counted(session, gone) != 1:
        raise NotVerified("no such challenge")
    return Taken(row.challenge, row.user_id)


def add_passkey(
    session: Session,
    user_id: UUID,
    credential: Json,
    taken: Taken,
    *,
    name: str,
    party: RelyingParty,
    client: Client,
    actor: Principal,
    now: datetime,
) -> Passkey:
    """Keep a passkey that a device has made for the person.

    Raises:
        NotVerified: it was not made for this challenge, this person or us.
        Conflict: ``passkey_taken``: it is known already; ``too_many_passkeys``: twenty are enough.
    """
    user = actions.lock_owner(session, user_id)
    if taken.user_id != user_id:
        raise NotVerified("somebody else's challenge")
    new = verification.verified_passkey(party, credential, taken.challenge)
    count = session.scalar(select(func.count()).where(Passkey.user_id == user_id)) or 0
    if count >= rules.MAX_PASSKEYS:
        raise Conflict(f"You have {count} passkeys; remove one first.", code="too_many_passkeys")
    passkey = Passkey(
        id=uuid7(),
        tenant_id=user.tenant_id,
        user_id=user_id,
        credential_id=new.credential_id,
        public_key=new.public_key,
        sign_count=new.sign_count,
        name=name,
        created_at=now,
    )
    session.add(passkey)
    with conflict_if_taken(ONE_CREDENTIAL, "This passkey is known already.", code="passkey_taken"):
        session.flush()
    actions.report(session, user, "factor_added", _called(name), client=client, actor=actor, now=now)
    return passkey


def use_passkey(session: Session, credential: Json, taken: Taken, *, party: RelyingParty, now: datetime) -> Shown:
    """Whose passkey a device has shown.

    Raises:
        NotVerified: an unknown passkey, not the one that was asked for, tampered with, or a cloned device.
    """
    claims = verification.claims_of(credential)
    passkey = queries.lock_credential(session, claims.credential_id)
    if passkey is None or taken.user_id not in (None, passkey.user_id):
        raise NotVerified("another passkey than was asked for")
    if claims.user_handle not in (None, passkey.user_id.bytes):
        raise NotVerified("somebody else's passkey")
    try:
        assertion = verification.verified_assertion(
            party, credential, taken.challenge, public_key=passkey.public_key, sign_count=passkey.sign_count
        )
    except NotVerified as refusal:
        log.warning("a passkey was refused", user_id=str(passkey.user_id), why=str(refusal.__cause__))
        raise
    passkey.use(assertion.sign_count, now)
    return Shown(passkey.user_id, assertion.user_verified)


def claimed_owner(session: Session, credential: Json) -> User | None:
    """Whose passkey it is said to be, where that is known; nothing is verified."""
    try:
        claims = verification.claims_of(credential)
    except NotVerified:
        return None
    statement = select(User).join(Passkey, Passkey.user_id == User.id)
    return session.scalar(statement.where(Passkey.credential_id == claims.credential_id))


def remove_passkey(
    session: Session,
    user_id: UUID,
    passkey_id: UUID,
    *,
    settings: IdentitySettings,
    client: Client,
    actor: Principal,
    now: datetime,
) -> None:
    """Forget a passkey.

    Raises:
        NotFound: the person has no such passkey.
        Conflict: ``second_factor_required``, and it is the last factor.
    """
    user = actions.lock_owner(session, user_id)
    passkey = queries.lock_passkey(session, user_id, passkey_id)
    session.delete(passkey)
    factor = _called(passkey.name)
    actions.removed_factor(session, user, factor, settings=settings, client=client, actor=actor, now=now)


def trim(session: Session, *, now: datetime) -> bool:
    """Delete challenges that nobody has answered; return whether there may be more."""
    over = select(PasskeyChallenge.id).where(PasskeyChallenge.expires_at < now).limit(TRIM)
    return execute_counted(session, delete(PasskeyChallenge).where(PasskeyChallenge.id.in_(over))) >= TRIM


def _called(name: str) -> str:
    return f"passkey {name}"
