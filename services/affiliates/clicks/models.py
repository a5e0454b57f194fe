"""Clicks as they were, and how many there were a day."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from services.affiliates.common.models import Base, OfMerchant


class Click(OfMerchant, TenantScoped, Base):
    """One visit through a link. Only ever added; no foreign keys, so that a burst is written cheaply.

    ``window_days`` is what the campaign promised at the moment of the click. ``live`` is false, with a ``reason``,
    where the link led to the fallback address, or no person followed it (``rules.robots``).
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
    address_hash: Mapped[str | None]  # keyed, so that nobody reads an address from it
    flags: Mapped[str]  # words with spaces between


class ClickCount(OfMerchant, TenantScoped, Base):
    """Clicks of one link on one day, in the time zone that its merchant had then; kept beside the clicks so that no
    report counts millions."""

    __tablename__ = "click_counts"
    __table_args__ = (Index("ix_click_counts_merchant", "merchant_id", "day"),)

    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    affiliate_id: Mapped[UUID]
    live: Mapped[int]
    other: Mapped[int]


class ClickFeed(Aggregate, Base):
    """Counts a merchant's ``ClickRecorded`` events, apart from its settings and their version. Has the tenant's id."""

    __tablename__ = "click_feeds"
