"""Clicks, and their number a day."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from services.affiliates.common.models import Base, OfMerchant


class Click(OfMerchant, TenantScoped, Base):
    """One visit through a link. Rows are only added, and have no foreign keys, so that a burst is cheap to write.

    Attributes:
        window_days: what the campaign promised at the moment of the click.
        live: false, with a ``reason``, if the link led to the fallback address or no person followed it.
    """

    __tablename__ = "clicks"
    __table_args__ = (
        Index("ix_clicks_visitor", "visitor_id", "clicked_at"),
        Index("ix_clicks_merchant", "merchant_id", "clicked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    link_id: Mapped[UUID]
    campaign_id: Mapped[UUID]
    affiliate_id: Mapped[UUID]
    visitor_id: Mapped[UUID]
    clicked_at: Mapped[datetime]
    window_days: Mapped[int]
    live: Mapped[bool]
    reason: Mapped[str | None]
    address_hash: Mapped[str | None]  # keyed, so that it reveals no address
    flags: Mapped[str]  # words separated by spaces


class ClickCount(OfMerchant, TenantScoped, Base):
    """Clicks of one link on one day, in the time zone that its merchant had then. Reports read these, not millions of
    clicks."""

    __tablename__ = "click_counts"
    __table_args__ = (Index("ix_click_counts_merchant", "merchant_id", "day"),)

    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    affiliate_id: Mapped[UUID]
    live: Mapped[int]
    other: Mapped[int]


class ClickFeed(Aggregate, Base):
    """Numbers a merchant's ``ClickRecorded`` events, apart from the version of its settings. Has the tenant's id."""

    __tablename__ = "click_feeds"
