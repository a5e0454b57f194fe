"""Writes to affiliates: applying, approving, suspending."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.emails import address_key
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.http import versions
from chassis.messaging import outbox
from services.affiliates.affiliates.events import AffiliateApproved, AffiliateSuspended
from services.affiliates.affiliates.models import ONE_ADDRESS, Affiliate
from services.affiliates.affiliates.queries import lock_affiliate
from services.affiliates.affiliates.rules import Enrolment
from services.affiliates.merchants.actions import ensure_merchant
from services.affiliates.merchants.models import Merchant

EVENTS = {Enrolment.APPROVED: AffiliateApproved, Enrolment.SUSPENDED: AffiliateSuspended}
VERBS = {Enrolment.APPROVED: "affiliate.approved", Enrolment.SUSPENDED: "affiliate.suspended"}


def apply(session: Session, *, name: str, email: str, actor: Principal, now: datetime) -> Affiliate:
    """Take an application, which waits for approval if the merchant wants that (D30).

    Raises:
        Conflict: ``affiliate_exists``: the address has applied before.
    """
    merchant = ensure_merchant(session, actor, now)
    affiliate = Affiliate(
        id=uuid7(),
        merchant_id=merchant.id,
        name=name,
        email=email,
        email_key=address_key(email),
        approved_at=None,
        status=Enrolment.PENDING if merchant.affiliate_approval_required else Enrolment.APPROVED,
        created_at=now,
        updated_at=now,
        event_sequence=0,
    )
    session.add(affiliate)
    _audit(session, "affiliate.applied", affiliate, actor, now)
    with conflict_if_taken(ONE_ADDRESS, "Somebody has applied with this address already.", code="affiliate_exists"):
        session.flush()
    _publish(session, affiliate, actor, now)
    return affiliate


def enrol(
    session: Session, affiliate_id: UUID, status: Enrolment, *, expected: ETags | None, actor: Principal, now: datetime
) -> Affiliate:
    """Approve or suspend. A second call changes nothing and publishes nothing (D30).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    affiliate = lock_affiliate(session, affiliate_id)
    versions.require(affiliate, expected)
    changed = affiliate.enrol(status, now)
    if session.is_modified(affiliate):
        _audit(session, VERBS[status], affiliate, actor, now)
    if changed:
        _publish(session, affiliate, actor, now)
    return affiliate


def _audit(session: Session, action: str, affiliate: Affiliate, actor: Principal, now: datetime) -> None:
    audit.record(session, action, affiliate, tenant_id=affiliate.merchant_id, actor=actor, now=now)


def _publish(session: Session, affiliate: Affiliate, actor: Principal, now: datetime) -> None:
    event_type = EVENTS.get(Enrolment(affiliate.status))
    if event_type:
        merchant = session.get_one(Merchant, affiliate.merchant_id)
        event = event_type(affiliate.id, affiliate.name, affiliate.email, merchant.id, merchant.name)
        outbox.add(session, affiliate, event, tenants=(merchant.id,), actor=actor, now=now)
