"""Writing campaigns: drafting, changing, switching on and off, approving, showing.

The campaign's row is locked before anything is changed; nothing else is locked with it.
"""

import secrets
import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import ValidationError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import is_taken
from chassis.messaging import outbox
from services.affiliates import queries
from services.affiliates.campaigns.models import ONE_CAMPAIGN_CODE, Campaign, CampaignRun
from services.affiliates.campaigns.queries import campaign_to_change
from services.affiliates.campaigns.rules import Status, Visibility
from services.affiliates.campaigns.schemas import check_dates
from services.affiliates.common.models import changes
from services.affiliates.common.schemas import require_terms
from services.affiliates.conversions import events
from services.affiliates.merchants import actions
from services.affiliates.merchants.models import Merchant

CODE_CHARACTERS = string.ascii_uppercase + string.digits
CODE_TRIES = 5


def create_campaign(session: Session, wanted: Mapping[str, Any], *, actor: Principal, now: datetime) -> Campaign:
    """Draft a campaign, private, with a code of its own (S2-9, S2-22)."""
    merchant = actions.of(session, actor, now)
    campaign = Campaign(
        id=uuid7(),
        merchant_id=actor.tenant_id,
        status=Status.DRAFT,
        approved_at=None,
        created_at=now,
        updated_at=now,
        event_sequence=0,
        **wanted,
    )
    _require_terms(campaign, merchant)
    for _ in range(CODE_TRIES):
        campaign.code = "CMP-" + "".join(secrets.choice(CODE_CHARACTERS) for _ in range(6))
        if session.scalar(select(Campaign.id).where(Campaign.code == campaign.code)) is None:
            break
    _audit(session, "campaign.created", campaign, actor, now)
    session.add(campaign)
    try:
        session.flush()
    except IntegrityError as error:
        if is_taken(error, ONE_CAMPAIGN_CODE):
            raise Conflict("Somebody made the same code at the same moment; try again.") from error
        raise
    return campaign


def change_campaign(
    session: Session,
    campaign_id: UUID,
    wanted: Mapping[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Campaign:
    """Change what is named, also while the campaign runs (S2-4, S2-6, D4).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``invalid_transition``.
        Invalid: what would come of it does not fit together.
    """
    campaign = campaign_to_change(session, campaign_id, expected, now)
    merchant = session.get_one(Merchant, campaign.merchant_id)
    was = campaign.status
    content = {name: value for name, value in wanted.items() if name != "status"}
    sent_back = content and wanted.get("status") == campaign.shown_status  # says nothing beside what was read (D65)
    if "status" in wanted and not sent_back:
        campaign.set_status(Status(wanted["status"]), now)
    if changes(campaign, content):
        campaign.updated_at = now
    _require_sense(campaign)
    _require_terms(campaign, merchant)
    if was == Status.ACTIVE and campaign.status != was:
        _end_run(session, campaign, now)
    if session.is_modified(campaign):
        _audit(session, "campaign.changed", campaign, actor, now)
    return queries.campaigns.shown(campaign, now)


def activate_campaign(
    session: Session, campaign_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime
) -> Campaign:
    """Let the campaign's links earn (S2-5, S2-11, S2-12).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``invalid_transition``, ``campaign_expired`` or ``approval_required``.
    """
    campaign = campaign_to_change(session, campaign_id, expected, now)
    session.add(campaign.activate(now))
    _audit(session, "campaign.activated", campaign, actor, now)
    _publish(session, campaign, events.CampaignActivated, actor, now)
    return queries.campaigns.shown(campaign, now)


def pause_campaign(
    session: Session, campaign_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime
) -> Campaign:
    """Stop the campaign's links from converting until it is activated again (S2-5, S2-13).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``invalid_transition``.
    """
    campaign = campaign_to_change(session, campaign_id, expected, now)
    campaign.pause(now)
    _end_run(session, campaign, now)
    _audit(session, "campaign.paused", campaign, actor, now)
    _publish(session, campaign, events.CampaignPaused, actor, now)
    return queries.campaigns.shown(campaign, now)


def approve_campaign(session: Session, campaign_id: UUID, *, actor: Principal, now: datetime) -> Campaign:
    """The operator's approval; once is enough (D30).

    Raises:
        NotFound: there is none.
    """
    campaign = campaign_to_change(session, campaign_id, None, now)
    if campaign.approve(now):
        _audit(session, "campaign.approved", campaign, actor, now)
    return queries.campaigns.shown(campaign, now)


def show_campaign(
    session: Session, campaign_id: UUID, visibility: Visibility, *, actor: Principal, now: datetime
) -> Campaign:
    """Opt a campaign in to the public listing, or out of it (S2-23).

    Raises:
        NotFound: there is none.
    """
    campaign = campaign_to_change(session, campaign_id, None, now)
    campaign.show(visibility, now)
    if session.is_modified(campaign):
        _audit(session, "campaign.changed", campaign, actor, now)
    return queries.campaigns.shown(campaign, now)


def _end_run(session: Session, campaign: Campaign, now: datetime) -> None:
    running = (CampaignRun.campaign_id == campaign.id, CampaignRun.ended_at.is_(None))
    session.execute(update(CampaignRun).where(*running).values(ended_at=now))


def _require_sense(campaign: Campaign) -> None:
    """D3 for the whole that a partial change leaves."""
    try:
        check_dates({"start_date": campaign.start_date, "end_date": campaign.end_date})
    except ValidationError as error:
        raise Invalid.field(str(error.field_name), str(error.messages[0])) from None


def _require_terms(campaign: Campaign, merchant: Merchant) -> None:
    """S2-14 and D9: type and value go together, and a FIXED value fits its currency."""
    currency = campaign.commission_currency or merchant.currency
    require_terms(campaign.commission_type, campaign.commission_value, currency)


def _audit(session: Session, action: str, campaign: Campaign, actor: Principal, now: datetime) -> None:
    audit.record(session, action, campaign, tenant_id=campaign.merchant_id, actor=actor, now=now)


def _publish(
    session: Session,
    campaign: Campaign,
    event: type[events.CampaignActivated] | type[events.CampaignPaused],
    actor: Principal,
    now: datetime,
) -> None:
    merchant = session.get_one(Merchant, campaign.merchant_id)
    told = event(campaign.id, campaign.code, campaign.title, merchant.id, merchant.name)
    outbox.add(session, campaign, told, tenants=(campaign.merchant_id,), actor=actor, now=now)
