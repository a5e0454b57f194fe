"""Affiliates of a merchant, and the links they spread."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.affiliates.affiliates.rules import Enrolment, next_enrolment
from services.affiliates.common.models import Base, OfMerchant

ONE_ADDRESS = UniqueConstraint("merchant_id", "email_key")
ONE_CODE = UniqueConstraint("code")


class Affiliate(OfMerchant, Aggregate, Versioned, TenantScoped, Base):
    """Somebody who sends buyers to one merchant; who works with two has two enrolments (D30)."""

    __tablename__ = "affiliates"
    __table_args__ = (ONE_ADDRESS, Index("ix_affiliates_merchant", "merchant_id", "created_at", "id"))

    name: Mapped[str]
    email: Mapped[str]
    email_key: Mapped[str]  # one for all spellings of a mailbox
    status: Mapped[str]
    approved_at: Mapped[datetime | None]  # by somebody; none where the merchant's setting let it in
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def enrol(self, wanted: Enrolment, now: datetime) -> bool:
        """Approve or suspend; False where it stood so before. That somebody has approved is remembered either way."""
        if wanted is Enrolment.APPROVED and self.approved_at is None:
            self.approved_at = self.updated_at = now
        target = next_enrolment(Enrolment(self.status), wanted)
        if target is None:
            return False
        self.status, self.updated_at = target, now
        return True


class Link(OfMerchant, TenantScoped, Base):
    """A tracking link: one affiliate, one campaign, one destination. Never changed."""

    __tablename__ = "links"
    __table_args__ = (ONE_CODE, Index("ix_links_campaign", "campaign_id", "created_at", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    affiliate_id: Mapped[UUID] = mapped_column(ForeignKey("affiliates.id"), index=True)
    code: Mapped[str]
    destination: Mapped[str]
    created_at: Mapped[datetime]

    # Not stored: set by the queries, for the answer.
    url = ""
