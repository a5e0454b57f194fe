"""Reads of affiliates."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import Forbidden
from chassis.core.principal import caller
from chassis.data.audit import AuditRow
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.affiliates.affiliates.models import Affiliate, AffiliateUser

MISSING = "There is no such affiliate."
INVITING = "affiliate.invited"
"""What the trail calls an invitation that was sent."""


def get_affiliate(session: Session, affiliate_id: UUID) -> Affiliate:
    """One of the caller's affiliates.

    Raises:
        NotFound: there is none, or it is another merchant's (D5).
    """
    return one_or_404(session, select(Affiliate).where(Affiliate.id == affiliate_id), MISSING)


def lock_affiliate(session: Session, affiliate_id: UUID) -> Affiliate:
    """One of the caller's affiliates, locked until the transaction ends. Raises as ``get_affiliate``."""
    return one_or_404(session, select(Affiliate).where(Affiliate.id == affiliate_id).with_for_update(), MISSING)


def list_affiliates(session: Session, *, page: int, page_size: int, status: str | None = None) -> Page:
    """The caller's affiliates, newest first."""
    statement = select(Affiliate).where(Affiliate.merchant_id == caller().tenant_id)
    if status:
        statement = statement.where(Affiliate.status == status)
    statement = statement.order_by(Affiliate.created_at.desc(), Affiliate.id.desc())
    return paginate(session, statement, page=page, page_size=page_size)


def invitation_before(session: Session, merchant_id: UUID, number: int, since: datetime) -> datetime | None:
    """When this merchant had its last invitation but ``number`` - 1 sent, to whomever; None when it has had fewer
    since then."""
    sent = (AuditRow.tenant_id == merchant_id, AuditRow.action == INVITING, AuditRow.at > since)
    return session.scalar(select(AuditRow.at).where(*sent).order_by(AuditRow.at.desc()).offset(number - 1).limit(1))


def own_enrolment(session: Session) -> Affiliate:
    """The affiliate that the caller is.

    Raises:
        Forbidden: ``not_enrolled``.
    """
    affiliate = session.scalar(select(Affiliate).where(Affiliate.user_id == caller().user_id))
    if affiliate is None:
        raise Forbidden("Your account belongs to no affiliate of this merchant.", code="not_enrolled")
    return affiliate


def lock_any_affiliate(session: Session, affiliate_id: UUID) -> Affiliate | None:
    """Any affiliate, locked until the transaction ends: for consumers, who see every merchant's."""
    return session.scalar(select(Affiliate).where(Affiliate.id == affiliate_id).with_for_update())


def lock_affiliate_of_user(session: Session, user_id: UUID) -> Affiliate | None:
    """The affiliate that a user is, locked until the transaction ends."""
    return session.scalar(select(Affiliate).where(Affiliate.user_id == user_id).with_for_update())


def lock_affiliate_of_address(session: Session, merchant_id: UUID, email_key: str) -> Affiliate | None:
    """The merchant's affiliate with this address, locked until the transaction ends."""
    own = (Affiliate.merchant_id == merchant_id, Affiliate.email_key == email_key)
    return session.scalar(select(Affiliate).where(*own).with_for_update())


def user_of_address(session: Session, merchant_id: UUID, email_key: str) -> AffiliateUser | None:
    """The user of the merchant's tenant who signs in as an affiliate with this address."""
    own = (AffiliateUser.merchant_id == merchant_id, AffiliateUser.email_key == email_key)
    return session.scalar(select(AffiliateUser).where(*own).order_by(AffiliateUser.id.desc()).limit(1))
