"""The ledger of commission."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, case, cast, func
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.money import CURRENCIES
from chassis.data.tenancy import TenantScoped
from services.affiliates.common.models import Base, OfMerchant


class LedgerEntry(OfMerchant, TenantScoped, Base):
    """An amount added to one of an affiliate's two accounts, or taken from it if negative. The database refuses to
    change or delete an entry.

    Attributes:
        minor: in minor units of the currency, so that both databases add exactly.
        cents: in hundredths. Processes of the release before write this alone, so read :func:`in_minor`.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ix_ledger_affiliate", "merchant_id", "affiliate_id", "at"),
        Index("ix_ledger_merchant", "merchant_id", "at", "id"),
        Index("ix_ledger_conversion", "conversion_id"),
        Index("ix_ledger_campaign_id", "campaign_id"),
        Index("ix_ledger_affiliate_id", "affiliate_id"),
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


def sum_where(amount: ColumnElement[Any], condition: ColumnElement[bool]) -> ColumnElement[Any]:
    """The sum of the amounts that meet a condition; 0 if there are none."""
    return func.coalesce(func.sum(case((condition, amount), else_=0)), 0)
