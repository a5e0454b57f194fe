"""Writes to campaigns: drafting, changing, activating, pausing, approving, showing.

Every action locks the campaign's row before it changes anything, and locks nothing else. It raises ``NotFound`` where
the campaign is not one of the caller's, and ``Stale`` where ``expected`` is not its version.
"""

import secrets
import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.http import versions
from chassis.messaging import outbox
from services.affiliates.campaigns import events
from services.affiliates.campaigns.models import ONE_CAMPAIGN_CODE, Campaign, CampaignRun
from services.affiliates.campaigns.queries import lock_campaign, shown
from services.affiliates.campaigns.rules import END_FIRST, Status, Visibility, in_order
from services.affiliates.common.models import apply_changes
from services.affiliates.common.schemas import require_terms
from services.affiliates.merchants.actions import ensure_merchant
from services.affiliates.merchants.models import Merchant

CODE_CHARACTERS = string.ascii_uppercase + string.digits
CODE_TRIES = 5


def create_campaign(session: Session, content: Mapping[str, Any], *, actor: Principal, now: datetime) -> Campaign:
    """Draft a campaign, private, with a code of its own (S2-9, S2-22)."""
    merchant = ensure_merchant(session, actor, now)
    campaign = Campaign(
        id=uuid7(),
        merchant_id=actor.tenant_id,
        status=Status.DRAFT,
        approved_at=None,
        created_at=now,
        updated_at=now,
        event_sequence=0,
        **content,
    )
    _require_consistent(campaign, merchant)
    for _ in range(CODE_TRIES):
        campaign.code = "CMP-" + "".join(secrets.choice(CODE_CHARACTERS) for _ in range(6))
        if session.scalar(select(Campaign.id).where(Campaign.code == campaign.code)) is None:
            break
    _audit(session, "campaign.created", campaign, actor, now)
    session.add(campaign)
    with conflict_if_taken(ONE_CAMPAIGN_CODE, "Somebody made the same code at the same moment; try again."):
        session.flush()
    return campaign


def change_campaign(
    session: Session,
    campaign_id: UUID,
    values: Mapping[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Campaign:
    """Change the fields in ``values``, also while the campaign runs (S2-4, S2-6, D4).

    Raises:
        Conflict: ``invalid_transition``.
        Invalid: the changed campaign would contradict itself.
    """
    campaign = lock_campaign(session, campaign_id, now)
    versions.require(campaign, expected)
    merchant = session.get_one(Merchant, campaign.merchant_id)
    status_before = campaign.status
    content = {name: value for name, value in values.items() if name != "status"}
    sent_back = content and values.get("status") == campaign.shown_status  # a response sent back as an update (D65)
    if "status" in values and not sent_back:
        campaign.set_status(Status(values["status"]), now)
    if apply_changes(campaign, content):
        campaign.updated_at = now
    _require_consistent(campaign, merchant)
    if status_before == Status.ACTIVE and campaign.status != status_before:
        _end_run(session, campaign, now)
    if session.is_modified(campaign):
        _audit(session, "campaign.changed", campaign, actor, now)
    return shown(campaign, now)


def activate_campaign(
    session: Session, campaign_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime
) -> Campaign:
    """Activate a campaign, so that its links earn (S2-5, S2-11, S2-12).

    Raises:
        Conflict: ``invalid_transition``, ``campaign_expired`` or ``approval_required``.
    """
    campaign = lock_campaign(session, campaign_id, now)
    versions.require(campaign, expected)
    session.add(campaign.activate(now))
    _publish(session, "campaign.activated", campaign, events.CampaignActivated, actor, now)
    return shown(campaign, now)


def pause_campaign(
    session: Session, campaign_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime
) -> Campaign:
    """Pause a campaign: its links do not convert until it is activated again (S2-5, S2-13).

    Raises:
        Conflict: ``invalid_transition``.
    """
    campaign = lock_campaign(session, campaign_id, now)
    versions.require(campaign, expected)
    campaign.pause(now)
    _end_run(session, campaign, now)
    _publish(session, "campaign.paused", campaign, events.CampaignPaused, actor, now)
    return shown(campaign, now)


def approve_campaign(session: Session, campaign_id: UUID, *, actor: Principal, now: datetime) -> Campaign:
    """Approve a campaign as the operator; a second approval changes nothing (D30)."""
    campaign = lock_campaign(session, campaign_id, now)
    if campaign.approve(now):
        _audit(session, "campaign.approved", campaign, actor, now)
    return shown(campaign, now)


def show_campaign(
    session: Session, campaign_id: UUID, visibility: Visibility, *, actor: Principal, now: datetime
) -> Campaign:
    """Opt a campaign in to the public listing, or out of it (S2-23)."""
    campaign = lock_campaign(session, campaign_id, now)
    campaign.show(visibility, now)
    if session.is_modified(campaign):
        _audit(session, "campaign.changed", campaign, actor, now)
    return shown(campaign, now)


def _end_run(session: Session, campaign: Campaign, now: datetime) -> None:
    running = (CampaignRun.campaign_id == campaign.id, CampaignRun.ended_at.is_(None))
    session.execute(update(CampaignRun).where(*running).values(ended_at=now))


def _require_consistent(campaign: Campaign, merchant: Merchant) -> None:
    """Check what a partial change leaves: the dates (D3), and the commission with its currency (S2-14, D9)."""
    if not in_order(campaign.start_date, campaign.end_date):
        raise Invalid.field("endDate", END_FIRST)
    currency = campaign.commission_currency or merchant.currency
    require_terms(campaign.commission_type, campaign.commission_value, currency)


def _audit(session: Session, action: str, campaign: Campaign, actor: Principal, now: datetime) -> None:
    audit.record(session, action, campaign, tenant_id=campaign.merchant_id, actor=actor, now=now)


def _publish(
    session: Session,
    action: str,
    campaign: Campaign,
    event_type: type[events.CampaignActivated] | type[events.CampaignPaused],
    actor: Principal,
    now: datetime,
) -> None:
    _audit(session, action, campaign, actor, now)
    merchant = session.get_one(Merchant, campaign.merchant_id)
    event = event_type(campaign.id, campaign.code, campaign.title, merchant.id, merchant.name)
    outbox.add(session, campaign, event, tenants=(campaign.merchant_id,), actor=actor, now=now)
