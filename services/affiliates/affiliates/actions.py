"""Enrolling affiliates and making their links."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.emails import address_key
from chassis.core.errors import Conflict, Invalid, NotFound
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import is_taken
from chassis.http import versions
from chassis.messaging import outbox
from services.affiliates import queries
from services.affiliates.affiliates.models import ONE_ADDRESS, Affiliate, Link
from services.affiliates.affiliates.rules import (
    CODE_TAIL,
    UNMISTAKABLE,
    Enrolment,
    first_enrolment,
    link_code,
    may_spread_links,
)
from services.affiliates.campaigns.models import Campaign
from services.affiliates.common import addresses
from services.affiliates.conversions import events
from services.affiliates.merchants import actions
from services.affiliates.merchants.models import Merchant

TOLD = {Enrolment.APPROVED: events.AffiliateApproved, Enrolment.SUSPENDED: events.AffiliateSuspended}
VERBS = {Enrolment.APPROVED: "affiliate.approved", Enrolment.SUSPENDED: "affiliate.suspended"}


def apply(session: Session, *, name: str, email: str, actor: Principal, now: datetime) -> Affiliate:
    """Take an application; it waits for approval where the merchant wants that (D30).

    Raises:
        Conflict: ``affiliate_exists``: the address has applied before.
    """
    merchant = actions.of(session, actor, now)
    affiliate = Affiliate(
        id=uuid7(),
        merchant_id=merchant.id,
        name=name,
        email=email,
        email_key=address_key(email),
        approved_at=None,
        status=first_enrolment(merchant.affiliate_approval_required),
        created_at=now,
        updated_at=now,
        event_sequence=0,
    )
    session.add(affiliate)
    audit.record(session, "affiliate.applied", affiliate, tenant_id=merchant.id, actor=actor, now=now)
    try:
        session.flush()
    except IntegrityError as error:
        if is_taken(error, ONE_ADDRESS):
            raise Conflict("Somebody has applied with this address already.", code="affiliate_exists") from error
        raise
    _publish(session, affiliate, merchant, actor, now)
    return affiliate


def enrol(
    session: Session,
    affiliate_id: UUID,
    wanted: Enrolment,
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Affiliate:
    """Approve or suspend; a second time changes nothing and tells nobody (D30).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    affiliate = queries.affiliates.affiliate(session, affiliate_id, lock=True)
    versions.require(affiliate, expected)
    changed = affiliate.enrol(wanted, now)
    if session.is_modified(affiliate):
        audit.record(session, VERBS[wanted], affiliate, tenant_id=affiliate.merchant_id, actor=actor, now=now)
    if changed:
        _publish(session, affiliate, session.get_one(Merchant, affiliate.merchant_id), actor, now)
    return affiliate


def make_link(
    session: Session, campaign_id: UUID, *, affiliate_id: UUID, destination: str, actor: Principal, now: datetime
) -> Link:
    """A tracking link of an approved affiliate, to where the merchant lets links lead.

    Raises:
        NotFound: the campaign is not one of the caller's.
        Invalid: there is no such affiliate, or the destination is not allowed.
        Conflict: ``affiliate_not_approved``: by the merchant's setting, or by the campaign's own.
    """
    campaign = queries.campaigns.campaign(session, campaign_id, now)
    merchant = actions.of(session, actor, now)
    affiliate = _approved(session, affiliate_id, campaign)
    if merchant.allowed_hosts and not addresses.may_lead_to(destination, merchant.allowed_hosts):
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


def _approved(session: Session, affiliate_id: UUID, campaign: Campaign) -> Affiliate:
    try:
        affiliate = queries.affiliates.affiliate(session, affiliate_id)
    except NotFound:
        raise Invalid.field("affiliateId", "There is no such affiliate.") from None
    status, by_hand = Enrolment(affiliate.status), affiliate.approved_at is not None
    required = campaign.affiliate_approval_required
    if not may_spread_links(status, approved_by_hand=by_hand, approval_required=required):
        standing = "not approved by anybody" if status is Enrolment.APPROVED else status
        raise Conflict(f"The affiliate is {standing}; approve it first.", code="affiliate_not_approved")
    return affiliate


def _publish(session: Session, affiliate: Affiliate, merchant: Merchant, actor: Principal, now: datetime) -> None:
    event = TOLD.get(Enrolment(affiliate.status))
    if event:
        told = event(affiliate.id, affiliate.name, affiliate.email, merchant.id, merchant.name)
        outbox.add(session, affiliate, told, tenants=(merchant.id,), actor=actor, now=now)
