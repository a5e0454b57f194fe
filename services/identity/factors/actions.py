"""Authenticators and recovery codes: setting up, showing a code, removing."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.errors import Conflict, Invalid, NotFound, Unauthorized
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import execute_counted
from services.identity.common.clients import Client
from services.identity.factors import queries, rules
from services.identity.factors.models import Passkey, RecoveryCode, TotpSecret
from services.identity.settings import IdentitySettings
from services.identity.tenants import queries as tenant_queries
from services.identity.users import actions as user_actions
from services.identity.users import queries as user_queries
from services.identity.users.models import User

AUTHENTICATOR = "authenticator app"
RECOVERY = "recovery codes"


@dataclass(frozen=True)
class StartedTotp:
    """What a person's authenticator needs; shown once."""

    secret: str = field(repr=False)
    otpauth: str = field(repr=False)


def start_totp(session: Session, user_id: UUID, *, settings: IdentitySettings, now: datetime) -> StartedTotp:
    """A new secret for a person's authenticator. It counts once a code of it is shown; until then an older one does."""
    user = lock_owner(session, user_id)
    secret = rules.new_totp_secret()
    totp = queries.totp_of(session, user_id)
    if totp is None:
        totp = TotpSecret(user_id=user_id, tenant_id=user.tenant_id)
        session.add(totp)
    totp.pending_secret, totp.pending_since = settings.secret_box.encrypt(secret), now
    return StartedTotp(secret, rules.otpauth(secret, user.email))


def confirm_totp(
    session: Session,
    user_id: UUID,
    code: str,
    *,
    settings: IdentitySettings,
    client: Client,
    actor: Principal,
    now: datetime,
) -> list[str]:
    """Let the started authenticator count once it shows a code; return new recovery codes, ten of them.

    Raises:
        Conflict: ``totp_not_started``, or more than fifteen minutes ago.
        Invalid: ``wrong_code``, or ``clock_differs``: the code is right for a clock that is minutes fast or slow.
    """
    user = lock_owner(session, user_id)
    totp, step = started_totp(session, user_id, code, settings=settings, now=now)
    totp.confirm(step, now)
    report(session, user, "factor_added", AUTHENTICATOR, client=client, actor=actor, now=now)
    return _new_recovery_codes(session, user, settings)


def started_totp(
    session: Session, user_id: UUID, code: str, *, settings: IdentitySettings, now: datetime
) -> tuple[TotpSecret, int]:
    """The started authenticator that shows this code, and the step of its clock; nothing is written. Raises as
    ``confirm_totp``."""
    totp = queries.totp_of(session, user_id)
    if totp is None or totp.pending_secret is None or rules.is_expired_setup(totp.pending_since, now):
        raise Conflict("Start setting up an authenticator first.", code="totp_not_started")
    secret = settings.secret_box.decrypt(totp.pending_secret)
    step = rules.matching_step(secret, code, now)
    if step is None:
        raise _wrong_code(rules.clock_is_off(secret, code, now))
    return totp, step


def remove_totp(
    session: Session, user_id: UUID, *, settings: IdentitySettings, client: Client, actor: Principal, now: datetime
) -> None:
    """Forget a person's authenticator, and the recovery codes with the last factor.

    Raises:
        NotFound: there is none.
        Conflict: ``second_factor_required``, and it is the last.
    """
    user = lock_owner(session, user_id)
    totp = queries.totp_of(session, user_id)
    if totp is None or totp.confirmed_at is None:
        raise NotFound("You have no authenticator.")
    session.delete(totp)
    removed_factor(session, user, AUTHENTICATOR, settings=settings, client=client, actor=actor, now=now)


def renew_recovery_codes(
    session: Session, user_id: UUID, *, settings: IdentitySettings, client: Client, actor: Principal, now: datetime
) -> list[str]:
    """Ten new recovery codes in place of those a person has.

    Raises:
        Conflict: ``no_second_factor``: there is nothing they could stand in for.
    """
    user = lock_owner(session, user_id)
    if not queries.has_factor(session, user_id):
        raise Conflict("Set up a second factor first.", code="no_second_factor")
    report(session, user, "factor_added", RECOVERY, client=client, actor=actor, now=now)
    return _new_recovery_codes(session, user, settings)


def use_code(
    session: Session, user_id: UUID, code: str, *, settings: IdentitySettings, client: Client, now: datetime
) -> bool:
    """Whether it is a code of the person's authenticator or a recovery code that has not been used; now it has.

    Two requests with one code cannot both succeed. Tries are for the caller to count.
    """
    user = user_queries.lock_present_user(session, user_id)  # before the rows below it, as everywhere in this room
    if user is None:
        return False
    if _use_totp(session, user_id, code, settings, now):
        return True
    return _use_recovery_code(session, user, code, settings=settings, client=client, now=now)


def forget(session: Session, user_id: UUID) -> None:
    """Delete all second factors of a person who is removed or erased."""
    for model in (TotpSecret, RecoveryCode, Passkey):
        session.execute(delete(model).where(model.user_id == user_id))


def lock_owner(session: Session, user_id: UUID) -> User:
    """The person whose factors change: one change at a time.

    Raises:
        Unauthorized: there is no such account any more, or it may not sign in.
    """
    user = user_queries.lock_present_user(session, user_id)
    if user is None:
        raise Unauthorized("This account no longer exists on the platform.")
    return user


def removed_factor(
    session: Session,
    user: User,
    factor: str,
    *,
    settings: IdentitySettings,
    client: Client,
    actor: Principal,
    now: datetime,
) -> None:
    """Audit a factor that has just been deleted and tell its owner; the recovery codes go with the last one.

    Raises:
        Conflict: ``second_factor_required``, and it was the last.
    """
    session.flush()
    if not queries.has_factor(session, user.id):
        if queries.is_required(tenant_queries.tenant(session, user.tenant_id), settings):
            raise Conflict(
                "Your company requires a second factor; set up another one first.", code="second_factor_required"
            )
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    report(session, user, "factor_removed", factor, client=client, actor=actor, now=now)


def report(
    session: Session, user: User, what: str, detail: str, *, client: Client, actor: Principal, now: datetime
) -> None:
    """Audit what has happened to a factor and have its owner told; ``what`` and ``detail`` as in ``AccountSecured``."""
    changes = {"factor_added": {"factor": [None, detail]}, "factor_removed": {"factor": [detail, None]}}
    more = changes.get(what)
    audit.record(session, f"user.{what}", user, tenant_id=user.tenant_id, actor=actor, now=now, changes=more)
    user_actions.publish_secured(session, user, what, detail=detail, client=client, actor=actor, now=now)


def _use_totp(session: Session, user_id: UUID, code: str, settings: IdentitySettings, now: datetime) -> bool:
    own = (TotpSecret.user_id == user_id, TotpSecret.confirmed_at.is_not(None))
    secret = session.scalar(select(TotpSecret.secret).where(*own))
    step = rules.matching_step(settings.secret_box.decrypt(secret), code, now) if secret else None
    if step is None:
        return False
    unused = or_(TotpSecret.last_step.is_(None), TotpSecret.last_step < step)
    return execute_counted(session, update(TotpSecret).where(*own, unused).values(last_step=step)) == 1


def _use_recovery_code(
    session: Session, user: User, code: str, *, settings: IdentitySettings, client: Client, now: datetime
) -> bool:
    digest = rules.recovery_digest(code, user.id, settings.derive("recovery codes"))
    present = (RecoveryCode.user_id == user.id, RecoveryCode.digest == digest, RecoveryCode.used_at.is_(None))
    if digest is None or not execute_counted(session, update(RecoveryCode).where(*present).values(used_at=now)):
        return False
    actor = user.as_principal(tenant_queries.tenant(session, user.tenant_id))
    report(session, user, "recovery_code_used", client.device, client=client, actor=actor, now=now)
    return True


def _new_recovery_codes(session: Session, user: User, settings: IdentitySettings) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [rules.new_recovery_code() for _ in range(rules.RECOVERY_CODES)]
    key = settings.derive("recovery codes")
    for code in codes:
        digest = rules.recovery_digest(code, user.id, key)
        session.add(RecoveryCode(id=uuid7(), tenant_id=user.tenant_id, user_id=user.id, digest=digest))
    return codes


def _wrong_code(clock_is_off: bool) -> Invalid:
    if clock_is_off:
        detail = "The clock of your authenticator is minutes fast or slow. Have it set itself, then show another code."
        return Invalid.field("code", detail, code="clock_differs")
    return Invalid.field("code", "This code is not right.", code="wrong_code")
