"""Reads: a supplier's campaigns and their invites, a retailer's inbox.

Every statement is narrowed to the caller's tenant (S0-9). The inbox reads the campaign's columns from its table,
because to a retailer a campaign is visible only through its own invite.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.core.principal import caller
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.campaigns.models import CAMPAIGNS, Campaign, Invite, TenantName

INVITES_SHOWN = 200  # of a campaign's detail
NAMED_ONE_BY_ONE = 500  # ids in a statement; for more it is quicker to read all there are

NO_CAMPAIGN = "There is no such campaign."
NO_INVITE = "There is no such invite."


def campaign(session: Session, campaign_id: UUID) -> Campaign:
    """One campaign of the caller's.

    Raises:
        NotFound: there is none of that id, or it is somebody else's.
    """
    return one_or_404(session, select(Campaign).where(Campaign.id == campaign_id), NO_CAMPAIGN)


def lock_campaign(session: Session, campaign_id: UUID) -> Campaign:
    """One campaign of the caller's, locked until the transaction ends. Raises as ``campaign``."""
    return one_or_404(session, select(Campaign).where(Campaign.id == campaign_id).with_for_update(), NO_CAMPAIGN)


def campaigns(session: Session, *, page: int, page_size: int, status: str | None = None) -> Page:
    """The caller's campaigns with their counts, newest first."""
    statement = select(Campaign).where(Campaign.supplier_id == caller().tenant_id).order_by(Campaign.id.desc())
    if status:
        statement = statement.where(Campaign.status == status)
    return paginate(session, statement, page=page, page_size=page_size)


def campaign_with_invites(session: Session, campaign_id: UUID) -> Campaign:
    """One campaign with the first of its invites, in the order they were made (S0-35). Raises as ``campaign``."""
    row = campaign(session, campaign_id)
    row.invites = session.execute(_invites_of(campaign_id).limit(INVITES_SHOWN)).all()
    return row


def invites_of_campaign(session: Session, campaign_id: UUID, *, page: int, page_size: int) -> Page:
    """All invites of a campaign, in the order they were made."""
    campaign(session, campaign_id)
    return paginate(session, _invites_of(campaign_id), page=page, page_size=page_size)


def invited_retailers(session: Session, campaign_id: UUID, retailer_ids: Collection[UUID]) -> set[UUID]:
    """Those of ``retailer_ids`` that have an invite to a campaign; for many, everybody who has one."""
    statement = select(Invite.retailer_id).where(Invite.campaign_id == campaign_id)
    if len(retailer_ids) <= NAMED_ONE_BY_ONE:
        statement = statement.where(Invite.retailer_id.in_(retailer_ids))
    return set(session.scalars(statement))


def inbox(session: Session, *, page: int, page_size: int, status: str | None = None) -> Page:
    """The calling retailer's invites, newest first (S0-37)."""
    statement = _inbox().order_by(Invite.id.desc())
    if status:
        statement = statement.where(Invite.status == status)
    return paginate(session, statement, page=page, page_size=page_size)


def inbox_item(session: Session, invite_id: UUID) -> Any:
    """One invite of the calling retailer's as its inbox shows it.

    Raises:
        NotFound: there is none of that id, or it is somebody else's.
    """
    row = session.execute(_inbox().where(Invite.id == invite_id)).one_or_none()
    if row is None:
        raise NotFound(NO_INVITE)
    return row


def lock_invite(session: Session, invite_id: UUID) -> Invite:
    """One invite of the calling retailer's, locked until the transaction ends. Raises as ``inbox_item``."""
    statement = select(Invite).where(Invite.id == invite_id, Invite.retailer_id == caller().tenant_id)
    return one_or_404(session, statement.with_for_update(), NO_INVITE)


def newest_names(session: Session, tenants: Collection[UUID]) -> dict[UUID, str]:
    """What those of ``tenants`` that were ever changed are called now, by id; when many are asked for, everybody's."""
    statement = select(TenantName.tenant_id, TenantName.name)
    if len(tenants) <= NAMED_ONE_BY_ONE:
        statement = statement.where(TenantName.tenant_id.in_(tenants))
    return dict(session.execute(statement).tuples().all())


def _invites_of(campaign_id: UUID) -> Select[Any]:
    return (
        select(
            Invite.id,
            Invite.retailer_id,
            func.coalesce(TenantName.name, Invite.retailer_name).label("retailer_name"),
            Invite.status,
            Invite.note,
            Invite.invited_at,
            Invite.responded_at,
        )
        .outerjoin(TenantName, TenantName.tenant_id == Invite.retailer_id)
        .where(Invite.campaign_id == campaign_id)
        .order_by(Invite.id)
    )


def _inbox() -> Select[Any]:
    """What a retailer sees. Its version rises with the invite's own and with every new name of the supplier."""
    shown = CAMPAIGNS.c
    return (
        select(
            Invite.id,
            Invite.campaign_id,
            shown.name.label("campaign_name"),
            shown.description,
            shown.participation_ask,
            shown.start_date,
            shown.end_date,
            shown.asset_urls,
            shown.budget,
            shown.currency,
            Invite.supplier_id,
            func.coalesce(TenantName.name, shown.supplier_name).label("supplier_name"),
            Invite.status,
            Invite.note,
            Invite.invited_at,
            Invite.responded_at,
            (Invite.version + func.coalesce(TenantName.renames, 0)).label("version"),
        )
        .join(CAMPAIGNS, shown.id == Invite.campaign_id)
        .outerjoin(TenantName, TenantName.tenant_id == Invite.supplier_id)
        .where(Invite.retailer_id == caller().tenant_id)
    )
