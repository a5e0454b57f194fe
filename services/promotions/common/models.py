"""The mapped base, rows and things of one tenant, and the copy of each tenant."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, MetaData, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

from chassis.data.base import Aggregate
from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantId, TenantScoped


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class Owned:
    """A row of one tenant, which alone sees it. Named before ``TenantScoped`` in a class' bases."""

    tenant_id: Mapped[UUID]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class Entity(Aggregate, Owned):
    """A thing of one tenant that has a history. Named before ``TenantScoped`` in a class' bases."""

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @classmethod
    def create(cls, *, tenant_id: UUID, now: datetime, key: UUID | None = None, **values: Any) -> Self:
        """A new one, not in a session yet; ``key`` is its id where that is known already."""
        values |= {"id": key or uuid7(), "tenant_id": tenant_id, "created_at": now, "updated_at": now}
        values["event_sequence"] = 0  # an event may come before the row is written
        return cls(**values)


class Tenant(TenantScoped, Base):
    """What identity says about a tenant. ``sequence`` is of the newest event applied, ``suspension_sequence`` of the
    newest about its suspension by the operator.

    Public endpoints for shoppers find the tenant by its slug and read its features here.
    """

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str | None] = mapped_column(index=True)  # not unique: one that changes hands may come before it goes
    name: Mapped[str]
    kind: Mapped[str]
    time_zone: Mapped[str]
    features: Mapped[list[str]]
    sequence: Mapped[int]
    suspended: Mapped[bool] = mapped_column(default=False, server_default=false())
    suspension_sequence: Mapped[int] = mapped_column(default=0, server_default="0")

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.id == tenant_id
