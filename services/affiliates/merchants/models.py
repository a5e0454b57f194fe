"""Merchants: the copy of each tenant, and its settings for all campaigns."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, false, not_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from services.affiliates.common.models import Base, HasTerms


class Merchant(HasTerms, Versioned, TenantScoped, Base):
    """One merchant for each tenant, with the tenant's id.

    Attributes:
        sequence: of the newest identity event applied; 0 before the first.
        suspended: by the operator: its links and public campaigns rest as if the flag were off.
        suspension_sequence: of the newest event about that.
        currency: of prices and FIXED commissions that name none. The first order sets it if nobody has.
        slug: begins the codes of the merchant's links, so that an unknown code still leads to its fallback address.
    """

    __tablename__ = "merchants"

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(
        index=True
    )  # not unique: a slug may reach its new owner before the old one loses it
    enabled: Mapped[bool]  # the tenant's flag, which also gates its links
    sequence: Mapped[int]
    suspended: Mapped[bool] = mapped_column(default=False, server_default=false())
    suspension_sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    fallback_url: Mapped[str | None]
    allowed_hosts: Mapped[list[str]]
    affiliate_approval_required: Mapped[bool]
    currency: Mapped[str | None]
    time_zone: Mapped[str | None]  # in which its days begin (D61); None until identity has told it
    updated_at: Mapped[datetime]

    @hybrid_property
    def is_on(self) -> bool:
        """Whether its links lead on and its campaigns are shown."""
        return self.enabled and not self.suspended

    @is_on.inplace.expression
    @classmethod
    def _is_on(cls) -> ColumnElement[bool]:
        return and_(cls.enabled, not_(cls.suspended))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone or "UTC")

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.id == tenant_id
