"""Writes to links: creating one."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.errors import Conflict, Invalid, NotFound
from chassis.core.principal import Principal
from chassis.data import audit
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.affiliates.queries import get_affiliate
from services.affiliates.affiliates.rules import Enrolment, may_spread_links
from services.affiliates.campaigns.models import Campaign
from services.affiliates.campaigns.queries import get_campaign
from services.affiliates.links.models import Link
from services.affiliates.links.rules import CODE_TAIL, UNMISTAKABLE, link_code, may_lead_to
from services.affiliates.merchants.actions import ensure_merchant


def create_link(
    session: Session, campaign_id: UUID, *, affiliate_id: UUID, destination: str, actor: Principal, now: datetime
) -> Link:
    """Create a tracking link of an approved affiliate to an allowed destination.

    Raises:
        NotFound: the campaign is not one of the caller's.
        Invalid: there is no such affiliate, or the destination is not allowed.
        Conflict: ``affiliate_not_approved``: by the merchant's setting, or by the campaign's own.
    """
    campaign = get_campaign(session, campaign_id, now)
    merchant = ensure_merchant(session, actor, now)
    affiliate = _approved_affiliate(session, affiliate_id, campaign)
    if merchant.allowed_hosts and not may_lead_to(destination, merchant.allowed_hosts):
        raise Invalid.field("destination", f"Links may lead to {', '.join(merchant.allowed_hosts[:5])} only.")
    tail = "".join(secrets.choice(UNMISTAKABLE) for _ in range(CODE_TAIL))
    link = Link(
        id=uuid7(),
        merchant_id=merchant.id,
        campaign_id=campaign.id,
        affiliate_id=affiliate.id,
        code=link_code(merchant.slug, affiliate.name, campaign.title, tail),
        destination=destination,
        created_at=now,
    )
    session.add(link)
    audit.record(session, "link.created", link, tenant_id=merchant.id, actor=actor, now=now)
    return link


def _approved_affiliate(session: Session, affiliate_id: UUID, campaign: Campaign) -> Affiliate:
    try:
        affiliate = get_affiliate(session, affiliate_id)
    except NotFound:
        raise Invalid.field("affiliateId", "There is no such affiliate.") from None
    status, by_hand = Enrolment(affiliate.status), affiliate.approved_at is not None
    required = campaign.affiliate_approval_required
    if not may_spread_links(status, approved_by_hand=by_hand, approval_required=required):
        standing = "not approved by anybody" if status is Enrolment.APPROVED else status
        raise Conflict(f"The affiliate is {standing}; approve it first.", code="affiliate_not_approved")
    return affiliate
