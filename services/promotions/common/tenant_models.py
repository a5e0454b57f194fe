"""Our copy of the tenants, and what each has set for its promotions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.promotions.common.models import Base, Owned


class Tenant(TenantScoped, Base):
    """What identity says about a tenant. ``sequence`` is of the newest event applied.

    Shoppers' doors are public, so they find the tenant by its slug and ask for its features here.
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


class Settings(Aggregate, Versioned, Owned, TenantScoped, Base):
    """How a tenant's promotions work. Made when first written; until then the defaults hold.

    Attributes:
        time_zone: of the times in answers (S1-10); None for the tenant's own.
        strategy: which of several campaigns counts (D23).
        pricelist_id: the chain's list, asked after a store's own and before the catalogue (S1-34).
    """

    __tablename__ = "settings"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    time_zone: Mapped[str | None]
    currency: Mapped[str]
    strategy: Mapped[str]
    pricelist_id: Mapped[UUID | None] = mapped_column(ForeignKey("pricelists.id"))

    def change(self, changes: Mapping[str, Any]) -> bool:
        """Take over what is named; returns whether anything is different now."""
        different = {name: value for name, value in changes.items() if getattr(self, name) != value}
        for name, value in different.items():
            setattr(self, name, value)
        return bool(different)
