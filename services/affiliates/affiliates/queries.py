"""Reading affiliates and links."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.core.principal import caller
from chassis.http.pages import Page, paginate
from services.affiliates.affiliates.models import Affiliate, Link


def affiliate(session: Session, affiliate_id: UUID, *, lock: bool = False) -> Affiliate:
    """One of the caller's affiliates.

    Raises:
        NotFound: there is none, or it is another's (D5).
    """
    statement = select(Affiliate).where(Affiliate.id == affiliate_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound("There is no such affiliate.")
    return found


def affiliates(session: Session, *, page: int, page_size: int, status: str | None = None) -> Page:
    """The caller's affiliates, newest first."""
    statement = select(Affiliate).where(Affiliate.merchant_id == caller().tenant_id)
    if status:
        statement = statement.where(Affiliate.status == status)
    statement = statement.order_by(Affiliate.created_at.desc(), Affiliate.id.desc())
    return paginate(session, statement, page=page, page_size=page_size)


def links(
    session: Session, campaign_id: UUID, *, page: int, page_size: int, base: str, affiliate_id: UUID | None = None
) -> Page:
    """A campaign's links, newest first."""
    statement = select(Link).where(Link.campaign_id == campaign_id)
    if affiliate_id:
        statement = statement.where(Link.affiliate_id == affiliate_id)
    statement = statement.order_by(Link.created_at.desc(), Link.id.desc())
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda link: shown(link, base))


def shown(link: Link, base: str) -> Link:
    """The link with the address that the affiliate spreads; ``base`` is the platform's."""
    link.url = f"{base}/r/{link.code}"
    return link
