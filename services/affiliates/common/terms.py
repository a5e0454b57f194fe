"""Terms of a commission: its type, its value, and the currency of a FIXED one (S2-14, D9)."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from chassis.core import money

HUNDRED = Decimal(100)


class Kind(StrEnum):
    """How a commission's value is meant."""

    PERCENTAGE = "PERCENTAGE"
    FIXED = "FIXED"


@dataclass(frozen=True, slots=True)
class Terms:
    """A commission: its type and value, which travel together. A FIXED one belongs to a currency (D9)."""

    kind: Kind
    value: Decimal
    currency: str | None = None

    @classmethod
    def of(cls, kind: str | None, value: str | None, currency: str | None = None) -> "Terms | None":
        return cls(Kind(kind), Decimal(value), currency) if kind is not None and value is not None else None

    def or_in(self, currency: str | None) -> "Terms":
        """The same commission; one that names no currency is in ``currency``."""
        return replace(self, currency=self.currency or currency)

    def applies_to(self, currency: str) -> bool:
        """A fixed amount applies to orders in its own currency only (D9), a percentage to all."""
        return self.kind is Kind.PERCENTAGE or (self.currency == currency and fits(self.value, currency))

    def earned_by(self, amount: Decimal, currency: str) -> Decimal:
        """What ``amount`` earns; FIXED is per order, whatever its amount (D33). Nothing where it does not apply."""
        if not self.applies_to(currency):
            return money.from_minor(0, currency)
        return money.rounded(self.value if self.kind is Kind.FIXED else amount * self.value / HUNDRED, currency)


def fits(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no more decimals than its currency (D9)."""
    try:
        money.exact(amount, currency)
    except money.InexactAmount:
        return False
    return True
