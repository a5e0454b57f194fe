"""Reads of campaigns: one, a merchant's, and the public listing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from chassis.core.principal import caller
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.affiliates.campaigns import rules
from services.affiliates.campaigns.models import Campaign
from services.affiliates.campaigns.rules import Status, Visibility
from services.affiliates.merchants.models import Merchant

MISSING = "There is no such campaign."


def shown(campaign: Campaign, now: datetime) -> Campaign:
    """The campaign with the status that users see at ``now`` (D31)."""
    campaign.shown_status = rules.shown_status(Status(campaign.status), campaign.end_date, now)
    return campaign


def get_campaign(session: Session, campaign_id: UUID, now: datetime) -> Campaign:
    """One of the caller's campaigns.

    Raises:
        NotFound: there is none, or it is another merchant's (D5).
    """
    return shown(one_or_404(session, select(Campaign).where(Campaign.id == campaign_id), MISSING), now)


def lock_campaign(session: Session, campaign_id: UUID, now: datetime) -> Campaign:
    """One of the caller's campaigns, locked until the transaction ends. Raises as ``get_campaign``."""
    statement = select(Campaign).where(Campaign.id == campaign_id).with_for_update()
    return shown(one_or_404(session, statement, MISSING), now)


def list_campaigns(session: Session, *, page: int, page_size: int, now: datetime, status: str | None = None) -> Page:
    """The caller's campaigns, newest first; ``status`` as users see it (S2-2)."""
    statement = select(Campaign).where(Campaign.merchant_id == caller().tenant_id)
    if status:
        statement = statement.where(has_shown_status(Status(status), now))
    statement = statement.order_by(Campaign.created_at.desc(), Campaign.id.desc())
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda campaign: shown(campaign, now))


def list_public_campaigns(session: Session, *, page: int, page_size: int, now: datetime) -> Page:
    """Campaigns that opted in, are active and approved, of merchants with affiliates switched on (S2-24)."""
    begun = or_(Campaign.start_date.is_(None), Campaign.start_date <= now)
    statement = (
        select(Campaign, Merchant.name)
        .join(Merchant, Merchant.id == Campaign.merchant_id)
        .where(
            Campaign.visibility == Visibility.PUBLIC,
            has_shown_status(Status.ACTIVE, now),
            begun,
            Campaign.approved_at.is_not(None),
            Merchant.is_on,
        )
        .order_by(Campaign.created_at.desc(), Campaign.id.desc())
    )
    return paginate(session, statement, page=page, page_size=page_size, to_item=_with_name)


def _with_name(row: Sequence[Any]) -> Campaign:
    campaign: Campaign = row[0]
    campaign.merchant_name = row[1]
    return campaign


def has_shown_status(status: Status, now: datetime) -> ColumnElement[bool]:
    """``rules.shown_status`` as an SQL condition."""
    over = and_(Campaign.end_date.is_not(None), Campaign.end_date < now)
    if status is Status.EXPIRED:
        return and_(over, Campaign.status != Status.ARCHIVED)
    if status is Status.ARCHIVED:
        return Campaign.status == status
    return and_(Campaign.status == status, or_(Campaign.end_date.is_(None), Campaign.end_date >= now))
