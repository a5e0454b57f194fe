"""Step-up: what needs a password or factor that was shown a moment ago."""

from datetime import datetime

from sqlalchemy.orm import Session

from chassis.core.errors import Forbidden
from chassis.core.principal import Principal
from services.identity.sessions import queries, rules
from services.identity.sessions.models import SignedIn
from services.identity.users.rules import ADMINS


def require_fresh(session: Session, caller: Principal, now: datetime) -> None:
    """Let the caller do what a stolen access token must not be enough for.

    Raises:
        Forbidden: ``step_up_required``: no password or factor was shown for this sign-in within ten minutes. A caller
            without a sign-in of ours, such as one of another issuer, can never show one.
    """
    signed_in = _own(session, caller)
    if not rules.is_fresh(signed_in.proved_at, now):
        raise _refusal()


def require_fresh_to_appoint(session: Session, caller: Principal, role: str | None, now: datetime) -> None:
    """Let the caller give somebody ``role``, or give it back to somebody who was suspended. It takes a fresh sign-in
    where it is an admin's: else a stolen token could invite an admin of its own, or let in one who was shut out, and
    walk around every other step-up. Raises as ``require_fresh``."""
    if role in ADMINS:
        require_fresh(session, caller, now)


def freshen(session: Session, caller: Principal, now: datetime) -> None:
    """The caller has just shown a password or factor for this sign-in. Raises as ``require_fresh``."""
    _own(session, caller).prove(now)


def _own(session: Session, caller: Principal) -> SignedIn:
    signed_in = queries.living(session, caller.session_id) if caller.session_id else None
    if signed_in is None:
        raise _refusal()
    return signed_in


def _refusal() -> Forbidden:
    return Forbidden("Show your password or second factor again first.", code="step_up_required")
