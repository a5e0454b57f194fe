"""Writes: a tenant's new name, a new version of the campaigns that show it, and what is left of a retailer that has
ended. Locks are described in ``actions``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from chassis.data.copies import upsert_newer
from privacy.tenant_data import AT_ONCE, FORMER_COMPANY, TenantData
from services.campaigns.models import CAMPAIGNS, INVITES, TenantName
from services.campaigns.rules import InviteStatus


def rename_tenant(session: Session, tenant_id: UUID, name: str, *, sequence: int) -> None:
    """Show a tenant under its new name, unless an event as new was applied.

    Costs one row, and a new version of each campaign the tenant was invited to: those show its name. The first event
    about a tenant counts as a rename.
    """
    previous = upsert_newer(session, TenantName, {"tenant_id": tenant_id, "name": name, "sequence": sequence})
    if previous is None:
        return
    if not previous:
        _new_version_of_campaigns(session, INVITES.c.retailer_id == tenant_id, INVITES.c.retailer_name != name)
    elif previous["name"] != name:
        session.get_one(TenantName, tenant_id).renames += 1
        _new_version_of_campaigns(session, INVITES.c.retailer_id == tenant_id)


def _new_version_of_campaigns(session: Session, *with_invites: ColumnElement[bool]) -> None:
    """Locked in the order of their ids, so that two transactions never wait for each other."""
    showing = CAMPAIGNS.c.id.in_(select(INVITES.c.campaign_id).where(*with_invites))
    in_order = select(CAMPAIGNS.c.id).where(showing).order_by(CAMPAIGNS.c.id).with_for_update()
    session.execute(update(CAMPAIGNS).where(CAMPAIGNS.c.id.in_(in_order)).values(version=CAMPAIGNS.c.version + 1))


def withdraw_pending(session: Session, _data: TenantData, tenant_id: UUID, now: datetime) -> bool:
    """Withdraw some invites that a retailer that has ended will never answer; their campaigns count them no more."""
    pending = select(INVITES.c.id, INVITES.c.campaign_id)
    pending = pending.where(INVITES.c.retailer_id == tenant_id, INVITES.c.status == InviteStatus.PENDING)
    rows = session.execute(pending.order_by(INVITES.c.id).limit(AT_ONCE).with_for_update()).all()
    session.execute(delete(INVITES).where(INVITES.c.id.in_([row.id for row in rows])))
    fewer = {CAMPAIGNS.c.invite_count: CAMPAIGNS.c.invite_count - 1, CAMPAIGNS.c.updated_at: now}
    _change_in_order(session, [row.campaign_id for row in rows], fewer)
    return len(rows) == AT_ONCE


def forget_retailer(session: Session, _data: TenantData, tenant_id: UUID, _now: datetime) -> bool:
    """Show a retailer that has ended as a former company on some invites that it has answered."""
    named = select(INVITES.c.id, INVITES.c.campaign_id)
    named = named.where(INVITES.c.retailer_id == tenant_id, INVITES.c.retailer_name != FORMER_COMPANY)
    rows = session.execute(named.order_by(INVITES.c.id).limit(AT_ONCE).with_for_update()).all()
    former = {INVITES.c.retailer_name: FORMER_COMPANY, INVITES.c.version: INVITES.c.version + 1}
    session.execute(update(INVITES).where(INVITES.c.id.in_([row.id for row in rows])).values(former))
    _change_in_order(session, [row.campaign_id for row in rows], {})
    return len(rows) == AT_ONCE


def _change_in_order(session: Session, campaign_ids: Sequence[UUID], values: Mapping[Any, Any]) -> None:
    """Change campaigns, which have a new version then, locked in the order of their ids."""
    in_order = select(CAMPAIGNS.c.id).where(CAMPAIGNS.c.id.in_(campaign_ids))
    session.execute(in_order.order_by(CAMPAIGNS.c.id).with_for_update())
    changed = {CAMPAIGNS.c.version: CAMPAIGNS.c.version + 1, **values}
    session.execute(update(CAMPAIGNS).where(CAMPAIGNS.c.id.in_(campaign_ids)).values(changed))
