"""Writes: drafting, sending and advancing campaigns, answering invites, following a tenant's new name.

Each adds its events and its audit row to the caller's transaction and never commits. Locks are taken in one order,
invite before campaign; sending locks no invite that exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session
from uuid6 import uuid7

from chassis import audit, outbox
from chassis.errors import Invalid
from chassis.events import plain
from chassis.identity import Principal
from services.campaigns import events, queries, rules
from services.campaigns.models import Base, Campaign, Invite, TenantName
from services.campaigns.rules import Answer, Network, Recipients, Status

INVITES = Base.metadata.tables["invites"]
CAMPAIGNS = Base.metadata.tables["campaigns"]


def create_campaign(session: Session, proposal: Mapping[str, Any], *, actor: Principal, now: datetime) -> Campaign:
    """Draft a campaign: always Draft, without invites, contacting nobody (S0-11, S0-19)."""
    names = queries.newest_names(session, [actor.tenant_id])
    campaign = Campaign(
        id=uuid7(),
        supplier_id=actor.tenant_id,
        supplier_name=names.get(actor.tenant_id, actor.tenant_name),
        status=Status.DRAFT,
        invite_count=0,
        accepted_count=0,
        declined_count=0,
        created_at=now,
        updated_at=now,
        event_sequence=0,
        **_complete(proposal),
    )
    session.add(campaign)
    _audit(session, "campaign.created", campaign, actor, now)
    _publish(session, campaign, events.CampaignCreated(**_content(campaign)), actor, now)
    return campaign


def change_campaign(
    session: Session, campaign: Campaign, proposal: Mapping[str, Any], *, actor: Principal, now: datetime
) -> None:
    """Replace the whole proposal of a draft.

    Raises:
        Conflict: ``not_draft``.
    """
    campaign.change(_complete(proposal), now)
    _audit(session, "campaign.changed", campaign, actor, now)
    _publish(session, campaign, events.CampaignChanged(**_content(campaign)), actor, now)


def delete_campaign(session: Session, campaign: Campaign, *, actor: Principal, now: datetime) -> None:
    """Throw a draft away; what it said stays in the audit trail.

    Raises:
        Conflict: ``not_draft``.
    """
    campaign.require_draft()
    said = {name: [plain(value), None] for name, value in _content(campaign).items() if value is not None}
    _audit(session, "campaign.deleted", campaign, actor, now, changes=said)
    event = events.CampaignDeleted(campaign.id, campaign.supplier_id, campaign.name)
    _publish(session, campaign, event, actor, now)
    session.delete(campaign)


def advance_campaign(session: Session, campaign: Campaign, status: str, *, actor: Principal, now: datetime) -> None:
    """Move the label one step forward; notifies nobody (S0-13, S0-14, D12).

    Raises:
        Conflict: ``invalid_transition``.
    """
    previous = campaign.status
    campaign.advance(status, now)
    _audit(session, "campaign.advanced", campaign, actor, now)
    event = events.CampaignAdvanced(campaign.id, campaign.supplier_id, campaign.name, previous, status)
    _publish(session, campaign, event, actor, now)


@dataclass(frozen=True)
class Sending:
    """What a send did."""

    campaign_id: UUID
    status: str
    invites_created: int
    already_invited: int
    skipped: list[dict[str, Any]]


def send_campaign(
    session: Session, campaign: Campaign, network: Network, *, need_relationship: bool, actor: Principal, now: datetime
) -> Sending:
    """Invite everybody of ``network`` who may be and is not yet (S0-23 … S0-33, D11). ``campaign`` must be locked.

    Raises:
        Invalid: ``nobody_to_invite``; nothing has changed.
    """
    invited = queries.invited_retailers(session, campaign.id)
    recipients = rules.choose_recipients(network, invited, need_relationship=need_relationship)
    if recipients.nobody:
        raise Invalid("None of these retailers has a relationship with you.", code="nobody_to_invite")
    if recipients.new:
        _invite(session, campaign, recipients, actor=actor, now=now)
    return Sending(
        campaign_id=campaign.id,
        status=campaign.status,
        invites_created=len(recipients.new),
        already_invited=recipients.already_invited,
        skipped=[{"retailer_id": retailer, "reason": rules.NO_RELATIONSHIP} for retailer in recipients.skipped],
    )


def respond(
    session: Session, invite: Invite, response: str, note: str | None, *, actor: Principal, now: datetime
) -> None:
    """Answer an invite and count the answer (S0-36, S0-38, S0-39). ``invite`` must be locked.

    Raises:
        Conflict: ``invite_locked``; nothing has changed.
    """
    invite.respond(response, note, now)
    audit.record(session, "invite.responded", invite, tenant_id=invite.retailer_id, actor=actor, now=now)
    campaign_name, supplier_name = _count_response(session, invite, now)
    event = events.InviteResponded(
        invite.id,
        invite.campaign_id,
        campaign_name,
        invite.supplier_id,
        supplier_name,
        invite.retailer_id,
        invite.retailer_name,
        response,
        note,
    )
    outbox.add(session, invite, event, tenants=(invite.supplier_id, invite.retailer_id), actor=actor, now=now)


def rename_tenant(session: Session, tenant_id: UUID, name: str, *, sequence: int) -> None:
    """Show a tenant under its new name, unless something newer is known of it."""
    known = session.get(TenantName, tenant_id, with_for_update=True)
    if known is None:
        session.add(TenantName(tenant_id=tenant_id, name=name, sequence=sequence))
    elif sequence > known.sequence:
        known.name, known.sequence = name, sequence
    else:
        return
    of_supplier = update(CAMPAIGNS).where(CAMPAIGNS.c.supplier_id == tenant_id, CAMPAIGNS.c.supplier_name != name)
    session.execute(of_supplier.values(supplier_name=name))
    of_retailer = update(INVITES).where(INVITES.c.retailer_id == tenant_id, INVITES.c.retailer_name != name)
    session.execute(of_retailer.values(retailer_name=name))


def _complete(proposal: Mapping[str, Any]) -> dict[str, Any]:
    return {**proposal, "currency": rules.currency_of(proposal["budget"], proposal["currency"])}


def _content(campaign: Campaign) -> dict[str, Any]:
    """The campaign as its events tell it."""
    names = [name for name in events.CampaignCreated.__dataclass_fields__ if name != "campaign_id"]
    return {"campaign_id": campaign.id} | {name: getattr(campaign, name) for name in names}


def _invite(session: Session, campaign: Campaign, recipients: Recipients, *, actor: Principal, now: datetime) -> None:
    newest = queries.newest_names(session, recipients.new)
    rows = [_invite_row(campaign, each, newest.get(each, name), now) for each, name in recipients.new.items()]
    campaign.add_invites(len(rows), now)
    _audit(session, "campaign.sent", campaign, actor, now)
    sent = events.CampaignSent(
        campaign.id, campaign.supplier_id, campaign.name, campaign.status, len(rows), campaign.invite_count
    )
    _publish(session, campaign, sent, actor, now)
    session.execute(insert(INVITES), rows)
    outbox.add_records(session, [_invite_record(campaign, row, actor, now) for row in rows])


def _invite_row(campaign: Campaign, retailer_id: UUID, retailer_name: str, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "campaign_id": campaign.id,
        "supplier_id": campaign.supplier_id,
        "retailer_id": retailer_id,
        "retailer_name": retailer_name,
        "status": Answer.PENDING,
        "invited_at": now,
        "event_sequence": 1,
        "version": 1,
    }


def _invite_record(campaign: Campaign, row: Mapping[str, Any], actor: Principal, now: datetime) -> dict[str, Any]:
    event = events.InviteCreated(
        invite_id=row["id"],
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        participation_ask=campaign.participation_ask,
        start_date=campaign.start_date,
        end_date=campaign.end_date,
        supplier_id=campaign.supplier_id,
        supplier_name=campaign.supplier_name,
        retailer_id=row["retailer_id"],
        retailer_name=row["retailer_name"],
    )
    tenants = (campaign.supplier_id, row["retailer_id"])
    return outbox.record(event, row["id"], 1, tenants=tenants, actor=actor, now=now)


def _count_response(session: Session, invite: Invite, now: datetime) -> tuple[str, str]:
    """Add a response to its campaign's counts in one statement; return the campaign's and the supplier's name.

    Through the table: the retailer who responds may not see the campaign itself.
    """
    counter = CAMPAIGNS.c.accepted_count if invite.status == Answer.ACCEPTED else CAMPAIGNS.c.declined_count
    statement = (
        update(CAMPAIGNS)
        .where(CAMPAIGNS.c.id == invite.campaign_id)
        .values({counter: counter + 1, CAMPAIGNS.c.version: CAMPAIGNS.c.version + 1, CAMPAIGNS.c.updated_at: now})
        .returning(CAMPAIGNS.c.name, CAMPAIGNS.c.supplier_name)
    )
    campaign_name, supplier_name = session.execute(statement).one()
    return campaign_name, supplier_name


def _audit(
    session: Session,
    action: str,
    campaign: Campaign,
    actor: Principal,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> None:
    audit.record(session, action, campaign, tenant_id=campaign.supplier_id, actor=actor, now=now, changes=changes)


def _publish(session: Session, campaign: Campaign, event: Any, actor: Principal, now: datetime) -> None:
    outbox.add(session, campaign, event, tenants=(campaign.supplier_id,), actor=actor, now=now)
