"""Reads of affiliates."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import caller
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.affiliates.affiliates.models import Affiliate

MISSING = "There is no such affiliate."


def get_affiliate(session: Session, affiliate_id: UUID) -> Affiliate:
    """One of the caller's affiliates.

    Raises:
        NotFound: there is none, or it is another merchant's (D5).
    """
    return one_or_404(session, select(Affiliate).where(Affiliate.id == affiliate_id), MISSING)


def lock_affiliate(session: Session, affiliate_id: UUID) -> Affiliate:
    """One of the caller's affiliates, locked until the transaction ends. Raises as ``get_affiliate``."""
    return one_or_404(session, select(Affiliate).where(Affiliate.id == affiliate_id).with_for_update(), MISSING)


def list_affiliates(session: Session, *, page: int, page_size: int, status: str | None = None) -> Page:
    """The caller's affiliates, newest first."""
    statement = select(Affiliate).where(Affiliate.merchant_id == caller().tenant_id)
    if status:
        statement = statement.where(Affiliate.status == status)
    statement = statement.order_by(Affiliate.created_at.desc(), Affiliate.id.desc())
    return paginate(session, statement, page=page, page_size=page_size)
