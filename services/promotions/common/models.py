"""The mapped base, rows of one tenant, and the copy of each tenant."""

from uuid import UUID

from sqlalchemy import ColumnElement, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantScoped


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class Owned:
    """A row of one tenant, which alone sees it. Named before ``TenantScoped`` in a class' bases."""

    tenant_id: Mapped[UUID]

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class Tenant(TenantScoped, Base):
    """What identity says about a tenant. ``sequence`` is of the newest event applied.

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

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.id == tenant_id
