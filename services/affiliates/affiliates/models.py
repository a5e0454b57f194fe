"""Affiliates of a merchant."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.affiliates.affiliates.rules import Enrolment
from services.affiliates.common.models import Base, OfMerchant

ONE_ADDRESS = UniqueConstraint("merchant_id", "email_key")


class Affiliate(OfMerchant, Aggregate, Versioned, TenantScoped, Base):
    """A person who sends buyers to one merchant. A person who works with two merchants has two rows (D30)."""

    __tablename__ = "affiliates"
    __table_args__ = (ONE_ADDRESS, Index("ix_affiliates_merchant", "merchant_id", "created_at", "id"))

    name: Mapped[str]
    email: Mapped[str]
    email_key: Mapped[str]  # the same for all spellings of a mailbox
    status: Mapped[str]
    approved_at: Mapped[datetime | None]  # by a person; None if the merchant's settings let everybody in
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def enrol(self, status: Enrolment, now: datetime) -> bool:
        """Approve or suspend; return whether the status changed. ``approved_at`` is set by an approval either way."""
        if status is Enrolment.APPROVED and self.approved_at is None:
            self.approved_at = self.updated_at = now
        if status == self.status:
            return False
        self.status, self.updated_at = status, now
        return True
