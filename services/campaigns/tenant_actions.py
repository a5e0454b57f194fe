"""Writes: a tenant's new name, and a new version of the campaigns that show it. Locks are described in ``actions``."""

from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from chassis.data.copies import upsert_newer
from services.campaigns.models import CAMPAIGNS, INVITES, TenantName


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
