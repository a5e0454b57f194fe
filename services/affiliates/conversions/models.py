"""Conversions, what was decided about each, and the ledger of commission."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, UniqueConstraint, case, cast, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.money import CURRENCIES
from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from services.affiliates.common.models import Base, OfMerchant

ONE_ORDER = UniqueConstraint("merchant_id", "external_order_id")
WAITING = text("status = 'ACCEPTED'")


class Conversion(OfMerchant, Aggregate, TenantScoped, Base):
    """One order that a merchant reported, once (S2-25), and what became of it.

    ACCEPTED until it is weighed at ``due_at``, then CREDITED or REFUSED for ever (D34). ``named_click_id`` and
    ``visitor_id`` are what came with the order; ``click_id`` and what follows are the click it was credited to, or
    would have been. ``commission`` is what it earned before any refund, ``unapplied`` the fixed commissions in another
    currency that would have been its. ``refunded_by_item`` is what of ``refunded`` was refunded of lines by name, and
    ``taken_by_item`` the commission that took back.
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
    unapplied: Mapped[list[dict[str, Any]] | None]
    refunded: Mapped[Decimal]
    refunded_by_item: Mapped[Decimal] = mapped_column(server_default="0")
    taken_by_item: Mapped[Decimal] = mapped_column(server_default="0")
    flags: Mapped[list[dict[str, Any]]]


class ConversionItem(OfMerchant, TenantScoped, Base):
    """A line of the order, what it earned at which level, what was refunded of it by name, and what all refunds of the
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


class Refund(OfMerchant, TenantScoped, Base):
    """One partial refund of an order; ``refund_id`` is the merchant's, so that the same one counts once. ``items`` are
    the lines it named, as they were named."""

    __tablename__ = "refunds"

    conversion_id: Mapped[UUID] = mapped_column(ForeignKey("conversions.id"), primary_key=True)
    refund_id: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal]
    items: Mapped[list[dict[str, Any]] | None]
    at: Mapped[datetime]


class LedgerEntry(OfMerchant, TenantScoped, Base):
    """An amount that came to, or with a minus left, one of an affiliate's two accounts. Only ever added: the database
    refuses to change or delete one. Minor units of the currency, so that both databases add exactly.

    ``cents`` are hundredths, for processes of the release before, which write no ``minor``; read :func:`in_minor`.
    """

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
    minor: Mapped[int | None] = mapped_column(BigInteger)
    cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]


def in_minor() -> ColumnElement[int]:
    """The minor units of an entry, also of one that a process of the release before has written."""
    cents = LedgerEntry.cents
    others = [
        (LedgerEntry.currency.in_(codes), _scaled(cents, places))
        for places, codes in _CODES_BY_PLACES.items()
        if places != CENTS_PLACES
    ]
    return func.coalesce(LedgerEntry.minor, case(*others, else_=cents))


def _scaled(cents: Any, places: int) -> ColumnElement[int]:
    if places > CENTS_PLACES:
        return cents * 10 ** (places - CENTS_PLACES)
    return cast(func.round(cents * 1.0 / 10 ** (CENTS_PLACES - places)), BigInteger)


CENTS_PLACES = 2
_CODES_BY_PLACES = {
    places: sorted(code for code, decimals in CURRENCIES.items() if decimals == places)
    for places in sorted(set(CURRENCIES.values()))
}
