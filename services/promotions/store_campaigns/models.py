"""Tables of store campaigns (S3): what a company's stores show, and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from chassis.core.text import fold
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.promotions.common.models import Base, Entity
from services.promotions.store_campaigns import rules
from services.promotions.store_campaigns.rules import Status

ONE_CAMPAIGN_NAME = UniqueConstraint("tenant_id", "name")
ONE_FOLDED_NAME = Index("uq_store_campaigns_name_folded", "tenant_id", "name_folded", unique=True)
ONE_IDENTIFIER = UniqueConstraint("campaign_identifier")


class StoreCampaign(Entity, Versioned, TenantScoped, Base):
    """A campaign in a company's stores; the company is the tenant.

    ``status`` is what was last written. What the campaign *is* at a moment says ``status_at``, and nothing depends on
    the clock's having written that down already (D3). ``name_folded`` is what names are compared by (D62); where two
    clashed when that began, the later one has its id behind it.
    """

    __tablename__ = "store_campaigns"
    __table_args__ = (
        ONE_CAMPAIGN_NAME,
        ONE_FOLDED_NAME,
        ONE_IDENTIFIER,
        CheckConstraint("starts_at < ends_at", name="window"),
        Index("ix_store_campaigns_starts", "status", "starts_at"),
        Index("ix_store_campaigns_ends", "status", "ends_at"),
    )

    name: Mapped[str]
    name_folded: Mapped[str | None]
    description: Mapped[str | None]
    campaign_identifier: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str]

    # Not stored here: set by the queries, for the answer.
    store_uids = cast(list[str], ())
    current_status = Status.INACTIVE

    @validates("name")
    def _fold(self, _column: str, value: str) -> str:
        if value != self.name:
            self.name_folded = fold(value)
        return value

    def status_at(self, now: datetime) -> Status:
        return rules.status_at(Status(self.status), self.starts_at, self.ends_at, now)

    def change(self, changes: Mapping[str, Any], *, is_person: bool, now: datetime) -> tuple[str, ...]:
        """Take over what is named and leave the rest (S3-4); return what differs now. A refusal changes nothing.

        A later start of a running campaign makes it scheduled again, also where its status is named as it was (D43).

        Raises:
            Conflict: ``campaign_not_modifiable``.
            Forbidden: ``extra_permission_required``.
            Invalid: ``invalid_date_range``.
        """
        current = self.status_at(now)
        rules.require_modifiable(current)
        starts_at, ends_at = changes.get("starts_at", self.starts_at), changes.get("ends_at", self.ends_at)
        status = Status(changes.get("status", current))
        if status is Status.ACTIVE and rules.is_delayed(current, self.starts_at, starts_at, now):
            status = Status.SCHEDULED
            changes = {**changes, "status": str(status)}
        rules.require_window(starts_at, ends_at)
        becomes = rules.status_at(status, starts_at, ends_at, now)
        rules.require_transition(current, status, becomes, is_person=is_person)
        different = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if becomes is current:  # what runs and is scheduled for a time that has passed runs on
            different.pop("status", None)
        for name, value in different.items():
            setattr(self, name, value)
        if different:
            self.updated_at = now
        return tuple(different)

    def catch_up(self, now: datetime) -> list[Status]:
        """Store the status that the clock gives the campaign; return each status that it has passed, in order.

        A campaign that began and ended since the last look has passed both.
        """
        passed = []
        if self.status == Status.SCHEDULED and now >= self.starts_at:
            passed.append(Status.ACTIVE)
        if self.status != Status.EXPIRED and now > self.ends_at:
            passed.append(Status.EXPIRED)
        if passed:
            self.status, self.updated_at = str(passed[-1]), now
        return passed


class StoreCampaignStore(Base):
    """A store that shows a campaign. Only reached through its campaign."""

    __tablename__ = "store_campaign_stores"
    __table_args__ = (Index("ix_store_campaign_stores_store", "store_id"),)

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("store_campaigns.id"), primary_key=True)
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.id"), primary_key=True)
