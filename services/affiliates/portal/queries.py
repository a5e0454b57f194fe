"""Reads for one affiliate.

The tenant filter lets through all of the merchant's rows, so each statement here is narrowed to the affiliate, too
(S2-22).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.http.pages import Page, paginate
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.affiliates.rules import Enrolment
from services.affiliates.campaigns.models import Campaign
from services.affiliates.campaigns.queries import MISSING, has_shown_status, shown
from services.affiliates.campaigns.rules import Status
from services.affiliates.clicks.models import ClickCount
from services.affiliates.conversions.models import Conversion
from services.affiliates.conversions.queries import ConversionView
from services.affiliates.conversions.rules import ConversionStatus
from services.affiliates.links import queries as link_queries
from services.affiliates.links.models import Link
from services.affiliates.merchants.queries import merchant
from services.affiliates.payouts import queries as payout_queries
from services.affiliates.reports.queries import period_of_caller

OPEN = (Status.ACTIVE, Status.PAUSED)
"""What affiliates without a link see of the merchant's campaigns: neither drafts nor what was put away."""


def enrolment(session: Session, me: Affiliate, now: datetime) -> dict[str, Any]:
    """The affiliate with its merchant."""
    mine = merchant(session, now)
    names = ("id", "name", "email", "status", "created_at")
    seen = {"id": mine.id, "name": mine.name, "time_zone": mine.zone.key}
    return {name: getattr(me, name) for name in names} | {"merchant": seen}


def campaigns(
    session: Session, me: Affiliate, *, page: int, page_size: int, status: str | None = None, now: datetime
) -> Page:
    """The campaigns that the affiliate may see, newest first, each with the number of its own links."""
    statement = _campaigns(me)
    if status:
        statement = statement.where(has_shown_status(Status(status), now))
    statement = statement.order_by(Campaign.created_at.desc(), Campaign.id.desc())
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda row: _campaign(row, now))


def campaign(session: Session, me: Affiliate, campaign_id: UUID, now: datetime) -> Campaign:
    """One of them.

    Raises:
        NotFound: there is none that the affiliate may see.
    """
    rows = session.execute(_campaigns(me).where(Campaign.id == campaign_id)).all()
    if not rows:
        raise NotFound(MISSING)
    return _campaign(rows[0], now)


def links(
    session: Session, me: Affiliate, *, page: int, page_size: int, base: str, campaign_id: UUID | None = None
) -> Page:
    """The affiliate's links, newest first. ``base`` is the platform's public URL."""
    statement = (
        select(Link, Campaign.title)
        .join(Campaign, Campaign.id == Link.campaign_id)
        .where(Link.affiliate_id == me.id)
        .order_by(Link.created_at.desc(), Link.id.desc())
    )
    if campaign_id:
        statement = statement.where(Link.campaign_id == campaign_id)
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda row: _link(row, base))


def clicks(
    session: Session,
    me: Affiliate,
    *,
    since: date | None = None,
    until: date | None = None,
    campaign_id: UUID | None = None,
    now: datetime,
) -> list[dict[str, Any]]:
    """Clicks on the affiliate's links by day, the first day first. Days without any are left out."""
    period = period_of_caller(session, since, until, now)
    statement = (
        select(ClickCount.day, func.sum(ClickCount.live), func.sum(ClickCount.other))
        .where(
            ClickCount.merchant_id == me.merchant_id,
            ClickCount.affiliate_id == me.id,
            ClickCount.day.between(period.since, period.until),
        )
        .group_by(ClickCount.day)
        .order_by(ClickCount.day)
    )
    if campaign_id:
        statement = statement.where(ClickCount.campaign_id == campaign_id)
    return [
        {"day": day, "clicks": int(live), "dead_clicks": int(other)} for day, live, other in session.execute(statement)
    ]


def conversions(session: Session, me: Affiliate, *, page: int, page_size: int, **filters: Any) -> Page:
    """The orders that were credited to the affiliate, newest first. ``filters`` name columns."""
    statement = (
        select(Conversion, Campaign.title)
        .join(Campaign, Campaign.id == Conversion.campaign_id)
        .where(Conversion.affiliate_id == me.id, Conversion.status == ConversionStatus.CREDITED)
        .order_by(Conversion.received_at.desc(), Conversion.id.desc())
    )
    for name, value in filters.items():
        statement = statement.where(getattr(Conversion, name) == value)
    return paginate(session, statement, page=page, page_size=page_size, to_item=_conversion)


def balances(session: Session, me: Affiliate) -> list[dict[str, Any]]:
    """What the merchant owes the affiliate, in each currency."""
    return payout_queries.balances(session, me.id)


def statements(
    session: Session, me: Affiliate, *, since: date | None = None, until: date | None = None, now: datetime
) -> list[dict[str, Any]]:
    """What the affiliate's approved account opened with, earned, gave back and closed with, in each currency."""
    return payout_queries.statements(session, since=since, until=until, affiliate_id=me.id, now=now)


def _campaigns(me: Affiliate) -> Select[Any]:
    count = select(func.count()).where(Link.campaign_id == Campaign.id, Link.affiliate_id == me.id)
    return select(Campaign, count.correlate(Campaign).scalar_subquery()).where(_visible(me))


def _visible(me: Affiliate) -> ColumnElement[bool]:
    """Campaigns are open to the affiliates that the merchant works with; a suspended one sees its past (S2-22)."""
    own = Campaign.id.in_(select(Link.campaign_id).where(Link.affiliate_id == me.id))
    of_merchant = and_(Campaign.merchant_id == me.merchant_id, Campaign.status.in_(OPEN))
    if me.status == Enrolment.SUSPENDED:
        return own
    if me.status == Enrolment.PENDING:
        return or_(own, and_(of_merchant, Campaign.affiliate_approval_required.is_(False)))
    return or_(own, of_merchant)


def _campaign(row: Sequence[Any], now: datetime) -> Campaign:
    campaign: Campaign = shown(row[0], now)
    campaign.links = row[1]
    return campaign


def _link(row: Sequence[Any], base: str) -> Link:
    link: Link = link_queries.shown(row[0], base)
    link.campaign_title = row[1]
    return link


def _conversion(row: Sequence[Any]) -> dict[str, Any]:
    seen = ConversionView(row[0], ())
    names = ("external_order_id", "order_status", "occurred_at", "campaign_id", "click_id", "clicked_at", "currency")
    of_commission = ("commission", "commission_credited", "commission_state")
    return {name: getattr(seen, name) for name in (*names, *of_commission)} | {"campaign_title": row[1]}
