"""Reads of affiliates."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.core.principal import caller
from chassis.http.pages import Page, paginate
from services.affiliates.affiliates.models import Affiliate


def get_affiliate(session: Session, affiliate_id: UUID, *, lock: bool = False) -> Affiliate:
    """One of the caller's affiliates.

    Raises:
        NotFound: there is none, or it is another merchant's (D5).
    """
    statement = select(Affiliate).where(Affiliate.id == affiliate_id)
    affiliate = session.scalar(statement.with_for_update() if lock else statement)
    if affiliate is None:
        raise NotFound("There is no such affiliate.")
    return affiliate


def list_affiliates(session: Session, *, page: int, page_size: int, status: str | None = None) -> Page:
    """The caller's affiliates, newest first."""
    statement = select(Affiliate).where(Affiliate.merchant_id == caller().tenant_id)
    if status:
        statement = statement.where(Affiliate.status == status)
    statement = statement.order_by(Affiliate.created_at.desc(), Affiliate.id.desc())
    return paginate(session, statement, page=page, page_size=page_size)
