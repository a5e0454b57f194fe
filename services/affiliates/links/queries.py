"""Reads of links."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.http.pages import Page, paginate
from services.affiliates.links.models import Link


def list_links(
    session: Session, campaign_id: UUID, *, page: int, page_size: int, base: str, affiliate_id: UUID | None = None
) -> Page:
    """A campaign's links, newest first."""
    statement = select(Link).where(Link.campaign_id == campaign_id)
    if affiliate_id:
        statement = statement.where(Link.affiliate_id == affiliate_id)
    statement = statement.order_by(Link.created_at.desc(), Link.id.desc())
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda link: shown(link, base))


def shown(link: Link, base: str) -> Link:
    """The link with the address that the affiliate spreads. ``base`` is the platform's public URL."""
    link.url = f"{base}/r/{link.code}"
    return link
