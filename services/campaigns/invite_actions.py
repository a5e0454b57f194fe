"""Writes to invites: responding, and following a tenant's new name.

Each adds its events and its audit row to the caller's transaction and never commits.

Locks: an invite before its campaign. A request locks one campaign at most, and waits for no other row while it does. A
rename locks its tenant's name and campaigns, but never an invite, so no request and rename deadlock, not even if one
transaction follows several renames. If two such transactions deadlock, the database ends one, and the consumer handles
its events one by one.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import insert_ignoring
from chassis.http import versions
from chassis.messaging import outbox
from services.campaigns import events, queries
from services.campaigns.models import Base, Invite, TenantName
from services.campaigns.rules import InviteStatus

INVITES = Base.metadata.tables["invites"]
CAMPAIGNS = Base.metadata.tables["campaigns"]


def respond(
    session: Session,
    invite_id: UUID,
    response: str,
    note: str | None,
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> None:
    """InviteStatus an invite and count the answer (S0-36, S0-38, S0-39).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not the version that the inbox shows.
        Conflict: ``invite_locked``; nothing has changed.
    """
    invite = queries.lock_invite(session, invite_id)
    shown = queries.inbox_item(session, invite_id)
    versions.require(shown, expected)
    names = queries.newest_names(session, [invite.retailer_id])
    invite.respond(response, note, now)
    audit.record(session, "invite.responded", invite, tenant_id=invite.retailer_id, actor=actor, now=now)
    _count_response(session, invite, now)
    event = events.InviteResponded(
        invite.id,
        invite.campaign_id,
        shown.campaign_name,
        invite.supplier_id,
        shown.supplier_name,
        invite.retailer_id,
        names.get(invite.retailer_id, invite.retailer_name),
        response,
        note,
    )
    outbox.add(session, invite, event, tenants=(invite.supplier_id, invite.retailer_id), actor=actor, now=now)


def rename_tenant(session: Session, tenant_id: UUID, name: str, *, sequence: int) -> None:
    """Show a tenant under its new name, unless an event as new was applied.

    Writes one row, and a new version of each campaign to which the tenant was invited, because those show its name. The
    first event about a tenant counts as a rename.
    """
    first = {"tenant_id": tenant_id, "name": name, "sequence": sequence, "renames": 1}
    if insert_ignoring(session, TenantName, [first]):
        _new_version_of_campaigns(session, INVITES.c.retailer_id == tenant_id, INVITES.c.retailer_name != name)
        return
    tenant = session.get_one(TenantName, tenant_id, with_for_update=True)
    if sequence <= tenant.sequence:
        return
    if name != tenant.name:
        tenant.renames += 1
        _new_version_of_campaigns(session, INVITES.c.retailer_id == tenant_id)
    tenant.name, tenant.sequence = name, sequence


def _new_version_of_campaigns(session: Session, *with_invites: ColumnElement[bool]) -> None:
    """Locks the campaigns in the order of their ids, so that two renames cannot deadlock."""
    showing = CAMPAIGNS.c.id.in_(select(INVITES.c.campaign_id).where(*with_invites))
    in_order = select(CAMPAIGNS.c.id).where(showing).order_by(CAMPAIGNS.c.id).with_for_update()
    session.execute(update(CAMPAIGNS).where(CAMPAIGNS.c.id.in_(in_order)).values(version=CAMPAIGNS.c.version + 1))


def _count_response(session: Session, invite: Invite, now: datetime) -> None:
    """Add a response to its campaign's counts in one statement.

    Through the table: the retailer who responds may not see the campaign itself.
    """
    counter = CAMPAIGNS.c.accepted_count if invite.status == InviteStatus.ACCEPTED else CAMPAIGNS.c.declined_count
    statement = (
        update(CAMPAIGNS)
        .where(CAMPAIGNS.c.id == invite.campaign_id)
        .values({counter: counter + 1, CAMPAIGNS.c.version: CAMPAIGNS.c.version + 1, CAMPAIGNS.c.updated_at: now})
    )
    session.execute(statement)
