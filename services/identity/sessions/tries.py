"""What every way of showing a password or code does: count the try, check, record how it ended."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.data.unit_of_work import outside_unit
from chassis.http.current import db
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.common.secrets import spellings
from services.identity.passwords.hashing import is_password
from services.identity.sessions import throttle
from services.identity.sessions.throttle import Attempt, TooManyAttempts
from services.identity.sign_ins import actions as sign_in_actions
from services.identity.sign_ins.rules import How, Outcome
from services.identity.users.models import User


def attempt_of(session: Session, account: str, users: Sequence[User]) -> Attempt:
    """What the request at hand is counted as; ``users`` are those whose address ``account`` is."""
    return throttle.attempt_of(session, account, users, client=client_of_request(), settings=own_settings())


def count(attempt: Attempt, users: Sequence[User], how: How) -> None:
    """Count a try before anything is checked, in a transaction of its own.

    Raises:
        TooManyAttempts: it is not allowed now. The first that is refused is recorded, those after it are not.
    """
    now = utcnow()
    with db.begin() as session:
        refusal = throttle.count(session, attempt, now=now)
        if refusal and refusal.is_first:
            record(session, next(iter(users), None), how, Outcome.THROTTLED, now)
    if refusal:
        raise TooManyAttempts(refusal.wait)


def owner_of(users: Sequence[User], password: str) -> tuple[User | None, str]:
    """The user whose password it is, and in which spelling. Without users it takes as long and returns None. Slow on
    purpose, so never inside a transaction."""
    for spelling in spellings(password):
        for user in users:
            if is_password(spelling, user.password_hash):
                return user, spelling
        if not users:
            is_password(spelling, None)
    return None, password


def record_failed(user: User, how: How, outcome: Outcome) -> None:
    """Record that a try failed, in a transaction of its own: it stays when the request fails. Before anything has been
    written."""
    with as_identity(), outside_unit(), db.begin() as session:
        record(session, user, how, outcome, utcnow())


def record(session: Session, user: User | None, how: How, outcome: Outcome, now: datetime) -> None:
    """Record how a try of the client at hand ended."""
    name = user.email if user else None
    sign_in_actions.record(session, user, name=name, how=how, outcome=outcome, client=client_of_request(), now=now)
