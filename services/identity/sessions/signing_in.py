"""Signing in with a password and, where somebody has one, a second factor.

This is the edge's part of it, the same for ``/session`` and ``/oauth/token``: a password is checked between two
transactions, because that is slow on purpose. The first counts the try, the second settles it. The answer takes as long
for an account that does not exist, is only invited or is suspended.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.errors import Failure, Unauthorized
from chassis.core.text import normal
from chassis.http.current import db
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.common.secrets import spellings
from services.identity.factors import actions as factor_actions
from services.identity.factors import queries as factor_queries
from services.identity.passwords.hashing import hash_password, is_outdated, is_password
from services.identity.sessions import actions, throttle, tries
from services.identity.sign_ins.rules import How, Outcome
from services.identity.signing_keys.grants import Granted
from services.identity.users import own_sign_in
from services.identity.users import queries as user_queries
from services.identity.users.models import User


class WrongCredentials(Unauthorized):
    """Account, password or code are not right; which of them is not said."""

    default_code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("The user name, password or code is not right.")


class SecondFactorRequired(Unauthorized):
    """The password was right, and a code is needed besides."""

    default_code = "second_factor_required"

    def __init__(self) -> None:
        detail = "Send a code of your authenticator, or a recovery code, as well."
        super().__init__(detail, headers={"X-Concord-Sign-In": "half-way"})  # the gateway counts it as no refused one


TOLD = frozenset({Outcome.CODE_MISSING, Outcome.TENANT_SUSPENDED, Outcome.SSO_REQUIRED})
"""What only those hear of whose password was right; to everybody else it is wrong."""


@dataclass(frozen=True)
class Credentials:
    """What somebody shows; ``password`` as it was typed, for it may have been stored so."""

    username: str
    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    keep: bool = True


@dataclass(frozen=True)
class _Match:
    """The user whose password was right, in the spelling it was stored in; a new hash where the stored one is old."""

    user: User
    spelling: str
    new_hash: str | None


def sign_in(credentials: Credentials) -> Granted:
    """Begin a session of the person whose credentials these are.

    Raises:
        TooManyAttempts: see ``throttle``; also for the right password.
        WrongCredentials: or nobody who may sign in.
        SecondFactorRequired: the person has one and ``code`` is absent.
        Forbidden: ``tenant_suspended`` or ``sso_required``, which only those hear of who know the password. The latter
            has a ``signInUrl``, where the company's own sign-in begins.
    """
    with as_identity():
        with db.read() as session:
            users = user_queries.users_of_address(session, spellings(credentials.username))
            attempt = tries.attempt_of(session, credentials.username, users)
        tries.count(attempt, users, How.PASSWORD)
        user, spelling = tries.owner_of(users, credentials.password)
        match = _Match(user, spelling, _new_hash(user, spelling)) if user else None
        with db.begin() as session:
            outcome, answer = _settle(session, match, credentials, utcnow())
            if outcome is not Outcome.OK:
                account = user or next(iter(users), None)
                tries.record(session, account, How.PASSWORD, outcome if account else Outcome.UNKNOWN_ACCOUNT, utcnow())
            if outcome is Outcome.OK or outcome in TOLD:
                throttle.take_off(session, attempt, signed_in=outcome is Outcome.OK, now=utcnow())
    if isinstance(answer, Failure):
        raise answer
    return answer


def _new_hash(user: User, spelling: str) -> str | None:
    """A hash of today's parameters, of the password in NFC, where the stored one is another."""
    is_old = is_outdated(user.password_hash) or spelling != normal(spelling)
    return hash_password(spelling) if is_old else None


def _settle(
    session: Session, match: _Match | None, credentials: Credentials, now: datetime
) -> tuple[Outcome, Granted | Failure]:
    """Begin the session, unless something is against it now that the user is locked. A good code is used up."""
    if match is None:
        return Outcome.WRONG_PASSWORD, WrongCredentials()
    user = user_queries.lock_present_user(session, match.user.id)
    if user is None:
        return Outcome.SUSPENDED if match.user.suspended_at else Outcome.WRONG_PASSWORD, WrongCredentials()
    if user.password_hash != match.user.password_hash and not is_password(match.spelling, user.password_hash):
        return Outcome.WRONG_PASSWORD, WrongCredentials()  # it was changed a moment ago
    settings, client = own_settings(), client_of_request()
    if refusal := own_sign_in.refusal(session, user, settings):
        return Outcome(refusal.code), refusal
    if factor_queries.has_factor(session, user.id):
        if not credentials.code:
            return Outcome.CODE_MISSING, SecondFactorRequired()
        code = credentials.code
        if not factor_actions.use_code(session, user.id, code, settings=settings, client=client, now=now):
            return Outcome.WRONG_CODE, WrongCredentials()
    user.password_hash = match.new_hash or user.password_hash
    granted = actions.start(
        session,
        user,
        how=How.PASSWORD,
        client=client,
        keep=credentials.keep,
        proved_at=now,
        settings=settings,
        now=now,
    )
    return Outcome.OK, granted
