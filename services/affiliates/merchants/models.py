"""A merchant: our copy of the tenant, and what it has set for all of its campaigns."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.affiliates.common.models import Base, HasTerms


class Merchant(HasTerms, Versioned, TenantScoped, Base):
    """One a tenant, with the tenant's id. ``sequence`` is of the newest event of identity applied, 0 before any.

    ``currency`` is that of prices and FIXED commissions that name none; the first order sets it where nobody did.
    ``slug`` begins the codes of the merchant's links, so that an unknown code still leads to its fallback address.
    """

    __tablename__ = "merchants"

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(index=True)  # not unique: one that changes hands may come before it goes
    enabled: Mapped[bool]  # the tenant's flag, which also gates its links
    sequence: Mapped[int]
    fallback_url: Mapped[str | None]
    allowed_hosts: Mapped[list[str]]
    affiliate_approval_required: Mapped[bool]
    currency: Mapped[str | None]
    time_zone: Mapped[str | None]  # in which its days begin (D61); none until identity has said so
    updated_at: Mapped[datetime]

    @property
    def terms_currency(self) -> str | None:
        return self.currency

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone or "UTC")

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.id == tenant_id
