"""Conversions, their lines and their refunds."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from services.affiliates.common.models import Base, OfMerchant

ONE_ORDER = UniqueConstraint("merchant_id", "external_order_id")
WAITING = text("status = 'ACCEPTED'")


class Conversion(OfMerchant, Aggregate, TenantScoped, Base):
    """One order that a merchant reported, once (S2-25), and what was decided about it.

    It is ACCEPTED until it is weighed at ``due_at``, then CREDITED or REFUSED for good (D34).

    Attributes:
        named_click_id: from the order, like ``visitor_id``.
        click_id: the click that was credited or would have been; so are the fields after it.
        commission: what the order earned before any refund.
        unapplied: FIXED commissions in another currency that would have applied.
        refunded_by_item: what of ``refunded`` was refunded of lines by name.
        taken_by_item: the commission that those refunds took back.
    """

    __tablename__ = "conversions"
    __table_args__ = (
        ONE_ORDER,
        Index("ix_conversions_due", "due_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_conversions_merchant", "merchant_id", "received_at", "id"),
        Index("ix_conversions_affiliate", "affiliate_id", "received_at", "id"),
    )

    external_order_id: Mapped[str]
    order_amount: Mapped[Decimal]
    currency: Mapped[str]
    named_click_id: Mapped[UUID | None]
    visitor_id: Mapped[UUID | None]
    buyer_hash: Mapped[str | None]  # keyed, of the buyer's address: shows only whether it is the affiliate's
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    status: Mapped[str]
    reason: Mapped[str | None]
    weighed_at: Mapped[datetime | None]
    click_id: Mapped[UUID | None]
    clicked_at: Mapped[datetime | None]
    window_days: Mapped[int | None]
    link_id: Mapped[UUID | None]
    campaign_id: Mapped[UUID | None]
    affiliate_id: Mapped[UUID | None]
    commission: Mapped[Decimal | None]
    commission_level: Mapped[str | None]
    order_status: Mapped[str]
    unapplied: Mapped[list[dict[str, Any]] | None]
    refunded: Mapped[Decimal]
    refunded_by_item: Mapped[Decimal] = mapped_column(server_default="0")
    taken_by_item: Mapped[Decimal] = mapped_column(server_default="0")
    flags: Mapped[list[dict[str, Any]]]


class ConversionItem(OfMerchant, TenantScoped, Base):
    """A line of an order: what it earned at which level, what was refunded of it by name, and what all refunds of the
    order took back of its commission."""

    __tablename__ = "conversion_items"

    conversion_id: Mapped[UUID] = mapped_column(ForeignKey("conversions.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str]
    quantity: Mapped[int]
    amount: Mapped[Decimal]
    commission: Mapped[Decimal | None]
    level: Mapped[str | None]
    refunded: Mapped[Decimal] = mapped_column(server_default="0")
    refunded_quantity: Mapped[int] = mapped_column(server_default="0")
    taken_back: Mapped[Decimal] = mapped_column(server_default="0")

    # Not stored: set by the queries, for the response.
    currency = ""


class Refund(OfMerchant, TenantScoped, Base):
    """One partial refund of an order. The merchant gives ``refund_id``, so that the same refund counts once. ``items``
    are the lines that the refund named."""

    __tablename__ = "refunds"

    conversion_id: Mapped[UUID] = mapped_column(ForeignKey("conversions.id"), primary_key=True)
    refund_id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal]
    items: Mapped[list[dict[str, Any]] | None]
    at: Mapped[datetime]
