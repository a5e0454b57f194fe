"""Tries of what people could guess, counted as wrong passwords are."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from chassis.core.clock import utcnow
from chassis.data.unit_of_work import outside_unit
from chassis.http.current import db
from services.identity.common.clients import client_of_request
from services.identity.common.context import own_settings
from services.identity.factors import actions as factor_actions
from services.identity.sessions import throttle


@contextmanager
def counted(user_id: UUID) -> Iterator[None]:
    """Count a try at this person's password or code, which stays counted when the block fails. Enter it before any
    transaction.

    Raises:
        TooManyAttempts: there were too many; nothing is looked at.
        Unauthorized: there is no such account any more.
    """
    settings = own_settings()
    with outside_unit(), db.begin() as session:
        user = factor_actions.lock_owner(session, user_id)
        key = throttle.throttle_key(user.email, client_of_request().address)
        throttle.count_attempt(session, key, limit=settings.attempts, period=settings.attempts_period, now=utcnow())
    yield
    with db.begin() as session:
        throttle.take_off(session, key)
