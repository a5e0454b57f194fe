"""Conversions, what was decided about each, and the ledger of commission."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.database import Aggregate, TenantScoped
from services.affiliates.models.base import Base, OfMerchant

ONE_ORDER = UniqueConstraint("merchant_id", "external_order_id")
WAITING = text("status = 'ACCEPTED'")


class Conversion(OfMerchant, Aggregate, TenantScoped, Base):
    """One order that a merchant reported, once (S2-25), and what became of it.

    ACCEPTED until it is weighed at ``due_at``, then CREDITED or REFUSED for ever (D34). ``named_click_id`` and
    ``visitor_id`` are what came with the order; ``click_id`` and what follows are the click it was credited to, or
    would have been. ``commission`` is what it earned before any refund.
    """

    __tablename__ = "conversions"
    __table_args__ = (
        ONE_ORDER,
        Index("ix_conversions_due", "due_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_conversions_merchant", "merchant_id", "received_at", "id"),
    )

    external_order_id: Mapped[str]
    order_amount: Mapped[Decimal]
    currency: Mapped[str]
    named_click_id: Mapped[UUID | None]
    visitor_id: Mapped[UUID | None]
    buyer_hash: Mapped[str | None]  # of the buyer's address, keyed: only to tell whether it is the affiliate's
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
    refunded: Mapped[Decimal]
    flags: Mapped[list[dict[str, Any]]]


class ConversionItem(OfMerchant, TenantScoped, Base):
    """A line of the order, and what it earned at which level."""

    __tablename__ = "conversion_items"

    conversion_id: Mapped[UUID] = mapped_column(ForeignKey("conversions.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str]
    quantity: Mapped[int]
    amount: Mapped[Decimal]
    commission: Mapped[Decimal | None]
    level: Mapped[str | None]


class Refund(OfMerchant, TenantScoped, Base):
    """One partial refund of an order; ``refund_id`` is the merchant's, so that the same one counts once."""

    __tablename__ = "refunds"

    conversion_id: Mapped[UUID] = mapped_column(ForeignKey("conversions.id"), primary_key=True)
    refund_id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal]
    at: Mapped[datetime]


class LedgerEntry(OfMerchant, TenantScoped, Base):
    """An amount that came to, or with a minus left, one of an affiliate's two accounts. Only ever added: the database
    refuses to change or delete one. Cents, so that both databases add exactly."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ix_ledger_affiliate", "merchant_id", "affiliate_id", "at"),
        Index("ix_ledger_merchant", "merchant_id", "at", "id"),
        Index("ix_ledger_conversion", "conversion_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    affiliate_id: Mapped[UUID] = mapped_column(ForeignKey("affiliates.id"))
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    conversion_id: Mapped[UUID] = mapped_column(ForeignKey("conversions.id"))
    at: Mapped[datetime]
    cause: Mapped[str]
    account: Mapped[str]
    cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
