"""Tenants' names, relationships, groups, tiers and their assignments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, MetaData, UniqueConstraint, event, or_, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.core.text import fold
from chassis.data.base import Aggregate
from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from services.prm.rules import Side, Status, Step, next_status


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class TenantName(Base):
    """Our copy of a tenant. ``sequence`` is that of the newest event applied, 0 if identity was asked instead."""

    __tablename__ = "tenant_names"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    sequence: Mapped[int]


ONE_A_PAIR = UniqueConstraint("supplier_id", "retailer_id")


class Relationship(Aggregate, Versioned, TenantScoped, Base):
    """The relationship of a supplier and a retailer; a pair has one row for ever (D10)."""

    __tablename__ = "relationships"
    __table_args__ = (ONE_A_PAIR,)

    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("tenant_names.id"))
    retailer_id: Mapped[UUID] = mapped_column(ForeignKey("tenant_names.id"), index=True)
    status: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored: set by the queries, for the response.
    supplier_name = ""
    retailer_name = ""

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return or_(cls.supplier_id == tenant_id, cls.retailer_id == tenant_id)

    def take(self, step: Step, *, by: Side, now: datetime) -> None:
        """Take a step; raises what ``rules.next_status`` raises."""
        self.status = str(next_status(Status(self.status), step, by))
        self.updated_at = now


ONE_NAME = UniqueConstraint("supplier_id", "name_key")


class Group(Versioned, TenantScoped, Base):
    """Retailers that a supplier addresses together."""

    __tablename__ = "groups"
    __table_args__ = (ONE_NAME,)

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    supplier_id: Mapped[UUID]
    name: Mapped[str]
    name_key: Mapped[str]  # the name without regard to case, so that it is unique (D62)
    retailer_count: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored here: set by the queries, for the response.
    retailer_ids = cast(Sequence[UUID], ())

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.supplier_id == tenant_id


@event.listens_for(Group, "before_insert")
@event.listens_for(Group, "before_update")
def _fold_name(_mapper: Any, _connection: Any, group: Group) -> None:
    """Keep ``name_key`` in step with the name, only now, so that the audit trail shows the name alone."""
    group.name_key = fold(group.name)


class GroupMember(TenantScoped, Base):
    """One retailer of one group, at the place in the list where it was sent."""

    __tablename__ = "group_members"
    __table_args__ = (
        Index("ix_group_members_place", "group_id", "position"),
        Index("ix_group_members_retailer_id", "retailer_id"),
    )

    group_id: Mapped[UUID] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    retailer_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        groups = Group.__table__.c
        return cls.group_id.in_(select(groups.id).where(groups.supplier_id == tenant_id))


class Programme(Base):
    """A supplier's row that is locked while its tiers or assignments change, so that the limit of tiers holds (S0-44)
    and counts, versions and events agree. Always the first lock taken."""

    __tablename__ = "programmes"

    supplier_id: Mapped[UUID] = mapped_column(primary_key=True)


class Tier(Aggregate, Versioned, TenantScoped, Base):
    """A standing that a supplier grants, with its benefits in order (S0-42). A retailer sees what it holds through
    its assignment."""

    __tablename__ = "tiers"

    supplier_id: Mapped[UUID] = mapped_column(index=True)
    name: Mapped[str]
    description: Mapped[str | None]
    sort_order: Mapped[int]
    benefits: Mapped[list[str]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored: set by the queries, for the response.
    assignment_count = 0

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.supplier_id == tenant_id

    def replace(
        self, *, name: str, description: str | None, sort_order: int, benefits: list[str], now: datetime
    ) -> None:
        """Replace everything that a client may set; benefits that are left out are removed (S0-45, S0-46)."""
        self.name = name
        self.description = description
        self.sort_order = sort_order
        self.benefits = list(benefits)
        self.updated_at = now

    def count_changed(self, now: datetime) -> None:
        """An assignment came or went: the tier's ``assignmentCount``, and so its version, changes."""
        self.updated_at = now


class Assignment(TenantScoped, Base):
    """A retailer holds a tier: one tier a supplier and retailer, by the key (S0-51), many suppliers (S0-53)."""

    __tablename__ = "assignments"

    supplier_id: Mapped[UUID] = mapped_column(primary_key=True)
    retailer_id: Mapped[UUID] = mapped_column(ForeignKey("tenant_names.id"), primary_key=True, index=True)
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id"), index=True)
    assigned_at: Mapped[datetime]

    # Not stored: set by the queries, for the response.
    retailer_name = ""

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return or_(cls.supplier_id == tenant_id, cls.retailer_id == tenant_id)

    def move_to(self, tier: Tier, now: datetime) -> None:
        """Leave the tier held so far for ``tier`` (S0-51)."""
        self.tier_id = tier.id
        self.assigned_at = now
