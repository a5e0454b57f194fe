"""Campaigns, the invites sent for them, and the newest known name of each tenant that was renamed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ColumnElement, ForeignKey, Index, MetaData, UniqueConstraint, or_
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.core.errors import Conflict
from chassis.data.base import Aggregate
from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from services.campaigns import rules
from services.campaigns.rules import InviteStatus, Status


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class Campaign(Aggregate, Versioned, TenantScoped, Base):
    """A supplier's proposal. It holds its counts, so that the kanban board counts nothing (S0-34).

    ``supplier_name`` is the supplier's name at that time; ``TenantName`` has the present one.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        Index(None, "supplier_id", "id"),
        CheckConstraint("accepted_count + declined_count <= invite_count", name="counts"),
    )

    supplier_id: Mapped[UUID]
    supplier_name: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    participation_ask: Mapped[str]
    start_date: Mapped[datetime]
    end_date: Mapped[datetime]
    asset_urls: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    targeting_criteria: Mapped[str | None]
    budget: Mapped[Decimal | None]
    currency: Mapped[str | None]
    proposal_type: Mapped[str | None]
    status: Mapped[str]
    invite_count: Mapped[int]
    accepted_count: Mapped[int]
    declined_count: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored: set by the queries, for the response.
    invites = cast(Sequence[Any], ())

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        """S0-9: the supplier's own. A retailer reads of a campaign only what its invite shows."""
        return cls.supplier_id == tenant_id

    @property
    def pending_count(self) -> int:
        return self.invite_count - self.accepted_count - self.declined_count

    def change(self, proposal: Mapping[str, Any], now: datetime) -> None:
        """Replace the proposal.

        Raises:
            Conflict: ``not_draft``.
        """
        self.require_draft()
        for name, value in proposal.items():
            setattr(self, name, value)
        self.updated_at = now

    def require_draft(self) -> None:
        """What retailers were invited to stays as they read it.

        Raises:
            Conflict: ``not_draft``.
        """
        if self.status != Status.DRAFT:
            raise Conflict(f"Only a draft can be changed or deleted; this campaign is {self.status}.", code="not_draft")

    def add_invites(self, count: int, now: datetime) -> None:
        """Count new invites; a draft becomes Sent (S0-12, S0-32)."""
        self.status = rules.status_after_send(self.status)
        self.invite_count += count
        self.updated_at = now

    def advance(self, status: str, now: datetime) -> None:
        """Move the label one step forward (D12).

        Raises:
            Conflict: ``invalid_transition``.
        """
        if not rules.may_advance(self.status, status):
            raise Conflict(f"A campaign cannot go from {self.status} to {status}.", code="invalid_transition")
        self.status = status
        self.updated_at = now


class Invite(Aggregate, Versioned, TenantScoped, Base):
    """One retailer's invite to one campaign (S0-33: the unique key holds whatever happens at once).

    ``retailer_name`` is the retailer's name at that time; ``TenantName`` has the present one.
    """

    __tablename__ = "invites"
    __table_args__ = (
        UniqueConstraint("campaign_id", "retailer_id"),
        Index(None, "campaign_id", "id"),
        Index(None, "retailer_id", "id"),
        Index(None, "supplier_id", "id"),
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    supplier_id: Mapped[UUID]
    retailer_id: Mapped[UUID]
    retailer_name: Mapped[str]
    status: Mapped[str]
    note: Mapped[str | None]
    invited_at: Mapped[datetime]
    responded_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        """S0-9: its two parties."""
        return or_(cls.retailer_id == tenant_id, cls.supplier_id == tenant_id)

    def respond(self, response: str, note: str | None, now: datetime) -> None:
        """Respond, once (S0-39).

        Raises:
            Conflict: ``invite_locked``; nothing has changed.
        """
        if self.status != InviteStatus.PENDING:
            raise Conflict(f"This invite has been answered already: {self.status}.", code="invite_locked")
        self.status = response
        self.note = note
        self.responded_at = now


class TenantName(Base):
    """A tenant's name as of its event number ``sequence``; older events change nothing.

    Whatever shows a name joins this row, so a new name is one row, however many campaigns and invites show it.
    ``renames`` counts them: it is part of the version of what a retailer sees of its supplier's campaign.
    """

    __tablename__ = "tenant_names"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    sequence: Mapped[int]
    renames: Mapped[int] = mapped_column(default=1)  # the first event of a tenant counts as a rename


# For statements that the tenant filter must not narrow: a retailer's own may touch a campaign it cannot see.
CAMPAIGNS, INVITES = Base.metadata.tables["campaigns"], Base.metadata.tables["invites"]
