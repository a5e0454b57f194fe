"""Counts tries of a known person, such as codes of an authenticator that is being set up."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from chassis.core.clock import utcnow
from chassis.data.unit_of_work import outside_unit
from chassis.http.current import db
from services.identity.common.context import as_identity
from services.identity.factors import actions as factor_actions
from services.identity.sessions import throttle, tries
from services.identity.sign_ins.rules import How
from services.identity.users.models import User


@contextmanager
def counted(user_id: UUID, how: How) -> Iterator[User]:
    """Count a try at this person's password or code; when the block fails it stays counted. Enter it before any
    transaction.

    Raises:
        TooManyAttempts: there were too many; nothing is looked at.
        Unauthorized: there is no such account any more.
    """
    with as_identity(), outside_unit():
        with db.begin() as session:
            user = factor_actions.lock_owner(session, user_id)
            attempt = tries.attempt_of(session, user.email, [user])
        tries.count(attempt, [user], how)
    yield user
    with db.begin() as session:
        throttle.take_off(session, attempt, signed_in=False, now=utcnow())
