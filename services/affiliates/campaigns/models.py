"""Campaigns, and the periods in which each was active."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.affiliates.campaigns import rules
from services.affiliates.campaigns.rules import Status, Visibility
from services.affiliates.common.models import Base, HasTerms, OfMerchant

ONE_CAMPAIGN_CODE = UniqueConstraint("code")


class Campaign(OfMerchant, HasTerms, Aggregate, Versioned, TenantScoped, Base):
    """Ties products, affiliates, commission and tracking together. ``status`` is what a user set; EXPIRED follows
    from the clock and is never stored (D31)."""

    currency_of_terms = "commission_currency"

    __tablename__ = "campaigns"
    __table_args__ = (
        ONE_CAMPAIGN_CODE,
        Index("ix_campaigns_merchant", "merchant_id", "created_at", "id"),
        Index("ix_campaigns_listed", "visibility", "status", "created_at"),
        CheckConstraint("cookie_days BETWEEN 0 AND 365", name="cookie_days"),
    )

    code: Mapped[str]
    title: Mapped[str]
    description: Mapped[str | None]
    start_date: Mapped[datetime | None]
    end_date: Mapped[datetime | None]
    cookie_days: Mapped[int]
    commission_currency: Mapped[str | None]
    affiliate_approval_required: Mapped[bool | None]  # None: the merchant's setting
    traffic_sources: Mapped[list[str]]
    terms_and_conditions: Mapped[str | None]
    approval_required: Mapped[bool]
    approved_at: Mapped[datetime | None]
    visibility: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored: set by the queries, for the response.
    shown_status = ""
    merchant_name = ""
    links = 0

    @property
    def approved(self) -> bool:
        return self.approved_at is not None

    def activate(self, now: datetime) -> "CampaignRun":
        """Activate from DRAFT or PAUSED (S2-11, S2-12); raises what ``rules.require_activable`` raises."""
        rules.require_activable(
            Status(self.status),
            end=self.end_date,
            approval_required=self.approval_required,
            approved=self.approved,
            now=now,
        )
        self._become(Status.ACTIVE, now)
        return CampaignRun(id=uuid7(), merchant_id=self.merchant_id, campaign_id=self.id, began_at=now, ended_at=None)

    def pause(self, now: datetime) -> None:
        """Pause until activated again (S2-13); raises what ``rules.require_pausable`` raises."""
        rules.require_pausable(rules.shown_status(Status(self.status), self.end_date, now))
        self._become(Status.PAUSED, now)

    def set_status(self, status: Status, now: datetime) -> None:
        """Archive, or take back from the archive, as PATCH may (S2-6, D31)."""
        rules.require_settable(Status(self.status), status)
        self._become(status, now)

    def approve(self, now: datetime) -> bool:
        """Note the operator's approval (D30); return False if it was there before."""
        if self.approved_at is not None:
            return False
        self.approved_at = self.updated_at = now
        return True

    def show(self, visibility: Visibility, now: datetime) -> None:
        """Opt in to or out of the public listing (S2-23)."""
        if self.visibility != visibility:
            self.visibility, self.updated_at = visibility, now

    def _become(self, status: Status, now: datetime) -> None:
        self.status, self.updated_at = status, now


class CampaignRun(OfMerchant, TenantScoped, Base):
    """From an activation to the next pause or archiving: an order is judged by when it was placed (D34)."""

    __tablename__ = "campaign_runs"
    __table_args__ = (Index("ix_campaign_runs_campaign", "campaign_id", "began_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
