"""Affiliates of a merchant, and the accounts of those who sign in."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from privacy.person import NO_ADDRESS
from services.affiliates.affiliates.rules import Account, Enrolment, account_of, refusal_advice
from services.affiliates.common.models import Base, OfMerchant

ONE_ADDRESS = UniqueConstraint("merchant_id", "email_key")
RESEND_AFTER = timedelta(minutes=1)  # sooner an invitation is not sent again: a button that is pressed twice


class Affiliate(OfMerchant, Aggregate, Versioned, TenantScoped, Base):
    """A person who sends buyers to one merchant. A person who works with two merchants has two rows (D30).

    Attributes:
        user_id: the user of the merchant's tenant who has accepted an invitation to this address.
        invited_at: when the merchant last had an invitation sent.
        refusal_reason: why identity could not invite that address.
    """

    __tablename__ = "affiliates"
    __table_args__ = (
        ONE_ADDRESS,
        Index("ix_affiliates_merchant", "merchant_id", "created_at", "id"),
        Index("uq_affiliates_user_id", "user_id", unique=True),
    )

    name: Mapped[str]
    email: Mapped[str]
    email_key: Mapped[str]  # the same for all spellings of a mailbox
    status: Mapped[str]
    approved_at: Mapped[datetime | None]  # by a person; None if the merchant's settings let everybody in
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    user_id: Mapped[UUID | None]
    invited_at: Mapped[datetime | None]
    refusal_reason: Mapped[str | None]

    @property
    def account(self) -> Account:
        return account_of(self.user_id, self.invited_at, self.refusal_reason)

    @property
    def refusal_advice(self) -> str | None:
        return refusal_advice(self.refusal_reason)

    @property
    def is_erased(self) -> bool:
        return self.email == NO_ADDRESS

    def enrol(self, status: Enrolment, now: datetime) -> bool:
        """Approve or suspend; return whether the status changed. ``approved_at`` is set by an approval either way."""
        if status is Enrolment.APPROVED and self.approved_at is None:
            self.approved_at = self.updated_at = now
        if status == self.status:
            return False
        self.status, self.updated_at = status, now
        return True

    def invite(self, now: datetime) -> bool:
        """Have an invitation sent; return whether one is due: not again within ``RESEND_AFTER``."""
        if self.account is Account.INVITED and self.invited_at and now < self.invited_at + RESEND_AFTER:
            return False
        self.invited_at = self.updated_at = now
        self.refusal_reason = None
        return True

    def refuse(self, reason: str, now: datetime) -> None:
        """The address could not be invited."""
        self.refusal_reason, self.updated_at = reason, now

    def claim(self, user_id: UUID | None, now: datetime) -> None:
        """A user of the merchant's tenant is this affiliate; None if nobody is any longer."""
        self.user_id, self.refusal_reason, self.updated_at = user_id, None, now


class AffiliateUser(OfMerchant, TenantScoped, Base):
    """The copy of a user, as far as affiliates need it: by which address an affiliate's account is known.

    Every user of every tenant has a row, so that events may come in any order. ``email_key`` is None for everybody who
    is no affiliate, or no longer there.
    """

    __tablename__ = "affiliate_users"
    __table_args__ = (Index("ix_affiliate_users_address", "merchant_id", "email_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    email_key: Mapped[str | None]
    sequence: Mapped[int]
