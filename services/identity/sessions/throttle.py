"""Counts attempts to sign in."""

from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import case, literal, or_, select, update
from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.core.errors import Failure
from chassis.data.bulk import execute_counted, insert_ignoring
from chassis.data.columns import UtcDateTime
from services.identity.common.secrets import digest
from services.identity.sessions import rules
from services.identity.sessions.models import LoginThrottle


class TooManyAttempts(Failure):
    """Too many wrong passwords; ``Retry-After`` says when the next attempt is allowed."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "too_many_attempts"


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


def take_off(session: Session, key: str) -> None:
    """Take the try off again: only wrong passwords count."""
    session.execute(
        update(LoginThrottle)
        .where(LoginThrottle.key == key, LoginThrottle.attempts > 0)
        .values(attempts=LoginThrottle.attempts - 1)
        .execution_options(synchronize_session=False)
    )
