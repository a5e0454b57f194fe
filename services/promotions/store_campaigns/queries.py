"""Read store campaigns as they are at a moment, with the stores that show them (S3)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.core.text import fold
from chassis.data.audit import AuditRow
from chassis.http import audit_trail
from chassis.http.pages import Page, paginate
from services.promotions.catalogue.models import Store
from services.promotions.common.models import Base
from services.promotions.store_campaigns.models import StoreCampaign, StoreCampaignStore
from services.promotions.store_campaigns.rules import Status

TARGET = "store_campaign"
"""What audit rows call a store campaign."""
CAMPAIGNS = Base.metadata.tables["store_campaigns"].c
MOMENT = timedelta(microseconds=1)


def not_found(campaign_id: str) -> NotFound:
    """S3-11, word for word; also for what is another company's (S3-22)."""
    return NotFound("Campaign not found", code="campaign_not_found", more={"campaign_id": campaign_id})


def campaign(session: Session, campaign_id: str, now: datetime) -> StoreCampaign:
    """One campaign of the caller's company.

    Raises:
        NotFound: ``campaign_not_found``: there is none, or it is another company's.
    """
    return _campaign(session, select(StoreCampaign), campaign_id, now)


def lock_campaign(session: Session, campaign_id: str, now: datetime) -> StoreCampaign:
    """As ``campaign``, its row locked until the transaction ends."""
    return _campaign(session, select(StoreCampaign).with_for_update(), campaign_id, now)


def _campaign(
    session: Session, statement: Select[tuple[StoreCampaign]], campaign_id: str, now: datetime
) -> StoreCampaign:
    row = session.scalar(statement.where(StoreCampaign.id == _as_id(campaign_id)))
    if row is None:
        raise not_found(campaign_id)
    complete(session, [row], now)
    return row


def campaigns(
    session: Session,
    now: datetime,
    *,
    page: int,
    page_size: int,
    status: str | None = None,
    store_id: str | None = None,
) -> Page:
    """The company's campaigns, the newest first; only those which are ``status`` now, and which a store shows (D44)."""
    statement = select(StoreCampaign).order_by(StoreCampaign.created_at.desc(), StoreCampaign.id.desc())
    if status is not None:
        statement = statement.where(_is(Status(status), now))
    if store_id is not None:
        statement = statement.where(_shown_in(select(Store.id).where(Store.store_uid == store_id)))
    page_of_campaigns = paginate(session, statement, page=page, page_size=page_size)
    complete(session, page_of_campaigns.items, now)
    return page_of_campaigns


def running_in(session: Session, store_id: UUID, now: datetime) -> list[StoreCampaign]:
    """The campaigns that run in a store now, by their start (D44)."""
    here = select(StoreCampaign).where(_shown_in([store_id]), _is(Status.ACTIVE, now))
    campaigns = list(session.scalars(here.order_by(StoreCampaign.starts_at, StoreCampaign.id)))
    for campaign in campaigns:
        campaign.current_status = Status.ACTIVE
    return campaigns


def last_moments(session: Session, store_id: UUID, running: Sequence[StoreCampaign], now: datetime) -> list[datetime]:
    """The last moments at which ``running`` can still be what runs in a store: each end, and just before a start."""
    coming = select(func.min(StoreCampaign.starts_at)).where(_shown_in([store_id]), _is(Status.SCHEDULED, now))
    start = session.scalar(coming)
    return [campaign.ends_at for campaign in running] + ([start - MOMENT] if start else [])


def trail(session: Session, tenant_id: UUID, campaign_id: str, *, page: int, page_size: int) -> Page:
    """Who changed what of a campaign, the newest first; also of one that was deleted (S3-10, D44).

    Raises:
        NotFound: ``campaign_not_found``: there never was such a campaign of this company.
    """
    changes = audit_trail.trail(session, tenant_id, page=page, page_size=page_size, target_id=_as_id(campaign_id))
    if not changes.total_items or any(row.target_type != TARGET for row in changes.items):
        raise not_found(campaign_id)
    return changes


def has_run(session: Session, campaign_id: UUID) -> bool:
    """Whether a campaign was ever active, by its audit trail."""
    changes = session.scalars(select(AuditRow.changes).where(AuditRow.target_id == campaign_id))
    return any(change.get("status", (None, None))[1] == Status.ACTIVE for change in changes)


def due(now: datetime) -> ColumnElement[bool]:
    """The campaigns whose start or end has passed since it was last written down."""
    starts = and_(StoreCampaign.status == Status.SCHEDULED, StoreCampaign.starts_at <= now)
    ends = and_(StoreCampaign.status.in_(_OPEN), StoreCampaign.ends_at < now)
    return or_(starts, ends)


def complete(session: Session, campaigns: Sequence[StoreCampaign], now: datetime) -> None:
    """Add what is not stored with the campaigns: their stores and their present status."""
    stores: dict[UUID, list[str]] = {campaign.id: [] for campaign in campaigns}
    linked = select(StoreCampaignStore.campaign_id, Store.store_uid).join(
        Store, Store.id == StoreCampaignStore.store_id
    )
    listed = linked.where(StoreCampaignStore.campaign_id.in_(stores)).order_by(Store.store_uid)
    for campaign_id, store_uid in session.execute(listed) if stores else ():
        stores[campaign_id].append(store_uid)
    for campaign in campaigns:
        campaign.store_uids, campaign.current_status = stores[campaign.id], campaign.status_at(now)


def store_ids(session: Session, store_uids: Sequence[str]) -> dict[str, UUID]:
    """The ids of the company's stores among ``store_uids``."""
    named = select(Store.store_uid, Store.id).where(Store.store_uid.in_(store_uids))
    return dict(session.execute(named).tuples().all())


def has_name(session: Session, tenant_id: UUID, name: str, *, other_than: UUID) -> bool:
    """Whether another campaign of the company is called so, whatever the case of letters (S3-15, S3-23, D62)."""
    same = or_(CAMPAIGNS.name_folded == fold(name), CAMPAIGNS.name == name)
    named = select(CAMPAIGNS.id).where(CAMPAIGNS.tenant_id == tenant_id, same)
    return session.execute(named.where(CAMPAIGNS.id != other_than)).first() is not None


def has_identifier(session: Session, identifier: str, *, other_than: UUID) -> bool:
    """Whether another campaign of any company has this identifier (S3-17): plain columns have no tenant filter."""
    same = select(CAMPAIGNS.id).where(CAMPAIGNS.campaign_identifier == identifier, CAMPAIGNS.id != other_than)
    return session.execute(same).first() is not None


def _shown_in(stores: Any) -> ColumnElement[bool]:
    return StoreCampaign.id.in_(select(StoreCampaignStore.campaign_id).where(StoreCampaignStore.store_id.in_(stores)))


_OPEN = [str(status) for status in Status if status is not Status.EXPIRED]


def _is(status: Status, now: datetime) -> ColumnElement[bool]:
    """``rules.status_at`` as a condition."""
    over = or_(StoreCampaign.status == Status.EXPIRED, StoreCampaign.ends_at < now)
    begun = and_(StoreCampaign.status == Status.SCHEDULED, StoreCampaign.starts_at <= now)
    return {
        Status.EXPIRED: over,
        Status.ACTIVE: and_(~over, or_(StoreCampaign.status == Status.ACTIVE, begun)),
        Status.SCHEDULED: and_(~over, StoreCampaign.status == Status.SCHEDULED, ~begun),
        Status.INACTIVE: and_(~over, StoreCampaign.status == Status.INACTIVE),
    }[status]


def _as_id(campaign_id: str) -> UUID:
    try:
        key = UUID(campaign_id)
    except ValueError:
        raise not_found(campaign_id) from None
    if str(key) != campaign_id.lower():
        raise not_found(campaign_id)
    return key
