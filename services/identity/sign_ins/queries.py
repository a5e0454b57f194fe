"""Reads of sign-ins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, literal, select
from sqlalchemy.orm import Session

from chassis.core.emails import normal_address
from chassis.core.networks import neighbourhood_of
from chassis.http.pages import Page, paginate
from services.identity.sign_ins.models import SignIn
from services.identity.sign_ins.rules import Outcome


def has_signed_in(session: Session, user_id: UUID) -> bool:
    """Whether this person has ever signed in, as far as sign-ins are still kept."""
    return _exists(session, user_id)


def uses_device(session: Session, user_id: UUID, device: str, *, since: datetime) -> bool:
    """Whether this person has signed in with a device of this family (``common.clients``) since then."""
    return _exists(session, user_id, SignIn.device == device, SignIn.at >= since)


def comes_from(session: Session, user_id: UUID, network: str) -> bool:
    """Whether this person has signed in from this network."""
    return _exists(session, user_id, SignIn.network == network)


def knows_neighbourhood(session: Session, user_id: UUID, network: str, *, since: datetime) -> bool:
    """Whether this person has signed in from the neighbourhood of a network (``chassis.core.networks``) since then."""
    if _exists(session, user_id, SignIn.network == network, SignIn.at >= since):
        return True
    good = (SignIn.user_id == user_id, SignIn.outcome == _as_text(Outcome.OK), SignIn.at >= since)
    networks = session.scalars(select(SignIn.network).where(*good).distinct())
    return neighbourhood_of(network) in {neighbourhood_of(known) for known in networks}


def is_recorded(session: Session, user_id: UUID, outcome: Outcome, *, network: str, since: datetime) -> bool:
    """Whether there is a row of this outcome, of the same person or API key from this network, since then."""
    return _exists(session, user_id, SignIn.network == network, SignIn.at >= since, outcome=outcome)


def list_sign_ins(
    session: Session,
    *,
    page: int,
    page_size: int,
    tenant_id: UUID | None = None,
    account: str | None = None,
    outcome: str | None = None,
) -> Page:
    """Sign-ins and failed tries that the caller may see, newest first."""
    statement = select(SignIn).order_by(SignIn.at.desc(), SignIn.id.desc())
    if tenant_id:
        statement = statement.where(SignIn.tenant_id == tenant_id)
    if account:
        statement = statement.where(SignIn.account == (normal_address(account) or account))
    if outcome:
        statement = statement.where(SignIn.outcome == outcome)
    return paginate(session, statement, page=page, page_size=page_size)


def _exists(session: Session, user_id: UUID, *conditions: ColumnElement[bool], outcome: Outcome = Outcome.OK) -> bool:
    statement = select(SignIn.id).where(SignIn.user_id == user_id, SignIn.outcome == _as_text(outcome), *conditions)
    return session.scalar(statement.limit(1)) is not None


def _as_text(outcome: Outcome) -> ColumnElement[str]:
    """No parameter, so that plans use the indexes of good ones."""
    return literal(outcome.value, literal_execute=True)
