"""Writes: drafting, sending and advancing campaigns, and responding to invites.

Each adds its events and its audit row to the caller's transaction and never commits.

Locks: an invite before its campaign. A request locks one campaign at most, as its last row. A rename
(``tenant_actions``) locks its tenant's name and campaigns, but never an invite. So a request and a rename cannot
deadlock. Two transactions with several renames each can: the database ends one, and the consumer handles the events of
that one singly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Invalid
from chassis.core.plain import plain
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import insert_many
from chassis.http import versions
from chassis.messaging import outbox
from services.campaigns import events, queries, rules
from services.campaigns.models import CAMPAIGNS, INVITES, Campaign, Invite
from services.campaigns.rules import InviteStatus, Network, Recipients, Status


def create_campaign(session: Session, proposal: Mapping[str, Any], *, actor: Principal, now: datetime) -> Campaign:
    """Draft a campaign without invites; nobody is contacted (S0-11, S0-19).

    Raises:
        Invalid: the budget is no amount of its currency.
    """
    campaign = Campaign(
        id=uuid7(),
        supplier_id=actor.tenant_id,
        supplier_name=actor.tenant_name,
        status=Status.DRAFT,
        invite_count=0,
        accepted_count=0,
        declined_count=0,
        created_at=now,
        updated_at=now,
        event_sequence=0,
        **rules.priced(proposal),
    )
    session.add(campaign)
    _audit(session, "campaign.created", campaign, actor, now)
    _publish(session, campaign, events.CampaignCreated(**_content(session, campaign)), actor, now)
    return campaign


def change_campaign(
    session: Session,
    campaign_id: UUID,
    proposal: Mapping[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Campaign:
    """Replace the whole proposal of a draft.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``not_draft``.
        Invalid: the budget is no amount of its currency; one that was stored before that was asked can stay.
    """
    campaign = _lock_campaign(session, campaign_id, expected)
    as_before = (proposal["budget"], proposal["currency"]) == (campaign.budget, campaign.currency)
    campaign.change(proposal if as_before else rules.priced(proposal), now)
    _audit(session, "campaign.changed", campaign, actor, now)
    _publish(session, campaign, events.CampaignChanged(**_content(session, campaign)), actor, now)
    return campaign


def delete_campaign(
    session: Session, campaign_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime
) -> None:
    """Delete a draft; its content stays in the audit trail. Raises as ``advance_campaign``, or ``not_draft``."""
    campaign = _lock_campaign(session, campaign_id, expected)
    campaign.require_draft()
    changes = {name: [plain(value), None] for name, value in _content(session, campaign).items() if value is not None}
    _audit(session, "campaign.deleted", campaign, actor, now, changes=changes)
    event = events.CampaignDeleted(campaign.id, campaign.supplier_id, campaign.name)
    _publish(session, campaign, event, actor, now)
    session.delete(campaign)


def advance_campaign(
    session: Session, campaign_id: UUID, status: str, *, expected: ETags | None, actor: Principal, now: datetime
) -> Campaign:
    """Move the label one step forward; nobody is notified (S0-13, S0-14, D12).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``invalid_transition``.
    """
    campaign = _lock_campaign(session, campaign_id, expected)
    previous = campaign.status
    campaign.advance(status, now)
    _audit(session, "campaign.advanced", campaign, actor, now)
    event = events.CampaignAdvanced(campaign.id, campaign.supplier_id, campaign.name, previous, status)
    _publish(session, campaign, event, actor, now)
    return campaign


@dataclass(frozen=True)
class SendResult:
    """The result of a send."""

    campaign_id: UUID
    status: str
    invites_created: int
    already_invited: int
    skipped: list[dict[str, Any]]


def send_campaign(
    session: Session,
    campaign_id: UUID,
    network: Network,
    *,
    need_relationship: bool,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> SendResult:
    """Invite the retailers of ``network`` that may be invited and have no invite (S0-23 … S0-33, D11).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Invalid: ``nobody_to_invite``; nothing has changed.
    """
    campaign = _lock_campaign(session, campaign_id, expected)
    invited = queries.invited_retailers(session, campaign.id, network.everybody)
    recipients = rules.choose_recipients(network, invited, need_relationship=need_relationship)
    if recipients.nobody:
        raise Invalid("None of these retailers has a relationship with you.", code="nobody_to_invite")
    if recipients.new:
        _invite(session, campaign, recipients, actor=actor, now=now)
    return SendResult(
        campaign_id=campaign.id,
        status=campaign.status,
        invites_created=len(recipients.new),
        already_invited=recipients.already_invited,
        skipped=[{"retailer_id": retailer, "reason": rules.NO_RELATIONSHIP} for retailer in recipients.skipped],
    )


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
    """Respond to an invite and count the response (S0-36, S0-38, S0-39).

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


def _lock_campaign(session: Session, campaign_id: UUID, expected: ETags | None) -> Campaign:
    """The caller's campaign, locked, in the version that the caller has seen (D6)."""
    campaign = queries.lock_campaign(session, campaign_id)
    versions.require(campaign, expected)
    return campaign


def _content(session: Session, campaign: Campaign) -> dict[str, Any]:
    """The fields of events with a whole campaign."""
    names = [name for name in events.CampaignCreated.__dataclass_fields__ if name != "campaign_id"]
    content = {"campaign_id": campaign.id} | {name: getattr(campaign, name) for name in names}
    return content | {"supplier_name": _supplier_name(session, campaign)}


def _supplier_name(session: Session, campaign: Campaign) -> str:
    """The supplier's present name."""
    with session.no_autoflush:  # a change is written once, with its event's number
        names = queries.newest_names(session, [campaign.supplier_id])
    return names.get(campaign.supplier_id, campaign.supplier_name)


def _invite(session: Session, campaign: Campaign, recipients: Recipients, *, actor: Principal, now: datetime) -> None:
    supplier_name = _supplier_name(session, campaign)
    newest = queries.newest_names(session, recipients.new)
    rows = [
        _invite_row(campaign, retailer_id, newest.get(retailer_id, name), now)
        for retailer_id, name in recipients.new.items()
    ]
    campaign.add_invites(len(rows), now)
    _audit(session, "campaign.sent", campaign, actor, now)
    sent = events.CampaignSent(
        campaign.id, campaign.supplier_id, campaign.name, campaign.status, len(rows), campaign.invite_count
    )
    _publish(session, campaign, sent, actor, now)
    insert_many(session, INVITES, rows)
    outbox.add_rows(session, [_event_row(campaign, supplier_name, row, actor, now) for row in rows])


def _invite_row(campaign: Campaign, retailer_id: UUID, retailer_name: str, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "campaign_id": campaign.id,
        "supplier_id": campaign.supplier_id,
        "retailer_id": retailer_id,
        "retailer_name": retailer_name,
        "status": InviteStatus.PENDING,
        "invited_at": now,
        "event_sequence": 1,
        "version": 1,
    }


def _event_row(
    campaign: Campaign, supplier_name: str, row: Mapping[str, Any], actor: Principal, now: datetime
) -> dict[str, Any]:
    event = events.InviteCreated(
        invite_id=row["id"],
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        participation_ask=campaign.participation_ask,
        start_date=campaign.start_date,
        end_date=campaign.end_date,
        supplier_id=campaign.supplier_id,
        supplier_name=supplier_name,
        retailer_id=row["retailer_id"],
        retailer_name=row["retailer_name"],
    )
    tenants = (campaign.supplier_id, row["retailer_id"])
    return outbox.row_of(event, row["id"], 1, tenants=tenants, actor=actor, now=now)


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
