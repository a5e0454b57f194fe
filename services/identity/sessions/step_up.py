"""Showing a password or a code once more, for what a stolen access token must not be enough for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.errors import Forbidden
from chassis.core.principal import Principal
from chassis.data.unit_of_work import outside_unit
from chassis.http.current import db
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.factors import actions as factor_actions
from services.identity.factors import queries as factor_queries
from services.identity.sessions import queries, throttle, tries
from services.identity.sessions.models import SignedIn
from services.identity.sign_ins.rules import How, Outcome
from services.identity.users import queries as user_queries
from services.identity.users.models import User

NOTHING_TO_SHOW = (
    "You have no password and no second factor here to show. Sign in again through your company, which then asks you "
    "to show that it is you."
)


def prove(principal: Principal, *, password: str | None, code: str | None) -> None:
    """Have a signed-in person show a password or a code again; their sign-in counts as fresh from then on.

    Who has a second factor shows that: the password alone may be what was stolen. What is counted and recorded stays,
    also when the request fails.

    Raises:
        TooManyAttempts: as for a sign-in.
        Forbidden: ``invalid_credentials``; ``second_factor_required``; ``step_up_impossible`` for a machine, for
            whoever has not signed in here, and for whoever has neither a password nor a second factor.
    """
    with as_identity(), outside_unit():
        with db.read() as session:
            user, _ = _proving(session, principal)
            has_factor = factor_queries.has_factor(session, user.id)
            if user.password_hash is None and not has_factor:
                raise Forbidden(NOTHING_TO_SHOW, code="step_up_impossible")
            if code is None and has_factor:
                raise Forbidden("Show your second factor instead.", code="second_factor_required")
            attempt = tries.attempt_of(session, user.email, [user])
        tries.count(attempt, [user], How.STEP_UP)
        is_right = password is not None and tries.owner_of([user], password)[0] is not None
        with db.begin() as session:
            is_right = is_right or (code is not None and _use_code(session, user.id, code, utcnow()))
            if is_right:
                _proving(session, principal)[1].prove(utcnow())
                throttle.take_off(session, attempt, signed_in=True, now=utcnow())
            else:
                outcome = Outcome.WRONG_CODE if password is None else Outcome.WRONG_PASSWORD
                tries.record(session, user, How.STEP_UP, outcome, utcnow())
    if not is_right:
        raise Forbidden("The password or code is not right.", code="invalid_credentials")


def _proving(session: Session, principal: Principal) -> tuple[User, SignedIn]:
    """The caller and the sign-in that is to count as fresh."""
    signed_in = queries.living(session, principal.session_id) if principal.session_id else None
    if signed_in is None or signed_in.user_id != principal.user_id:
        raise Forbidden("This caller has no sign-in here that could be renewed.", code="step_up_impossible")
    return user_queries.user_of_any_tenant(session, signed_in.user_id), signed_in


def _use_code(session: Session, user_id: UUID, code: str, now: datetime) -> bool:
    user_queries.lock_present_user(session, user_id)
    return factor_actions.use_code(session, user_id, code, settings=own_settings(), client=client_of_request(), now=now)
