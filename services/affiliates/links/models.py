"""Tracking links."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from services.affiliates.common.models import Base, OfMerchant

ONE_CODE = UniqueConstraint("code")


class Link(OfMerchant, TenantScoped, Base):
    """A tracking link: one affiliate, one campaign, one destination. It never changes."""

    __tablename__ = "links"
    __table_args__ = (ONE_CODE, Index("ix_links_campaign", "campaign_id", "created_at", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    affiliate_id: Mapped[UUID] = mapped_column(ForeignKey("affiliates.id"), index=True)
    code: Mapped[str]
    destination: Mapped[str]
    created_at: Mapped[datetime]

    # Not stored: set by the queries, for the response.
    url = ""
    campaign_title = ""
