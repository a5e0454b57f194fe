"""A campaign as the engine knows it, and the ways in which several are put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Discount(StrEnum):
    """What a campaign takes something off of."""

    QUALIFIED_PRODUCT = "QUALIFIED_PRODUCT"  # S1-16
    CHEAPEST_PRODUCT = "CHEAPEST_PRODUCT"  # S1-17
    ORDER_DISCOUNT = "ORDER_DISCOUNT"  # S1-18


class Strategy(StrEnum):
    """How campaigns that apply to the same basket are put together (D23)."""

    PRIORITY = "priority"  # one after the other, each on what the ones before have left
    BEST_PRICE = "best_price"  # one campaign a unit, the best for the customer
    EXCLUSIVE_FIRST = "exclusive_first"  # as priority, those that cannot be combined before all others


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign with its selection resolved to products (S1-27).

    Exactly one of ``percent``, ``amount`` and ``prices`` is set: what is taken off, or a price list.

    Attributes:
        products: the products it is for; None is every product (S1-25).
        excluded: products it is not for, whatever ``products`` says (S1-24).
        prices: product → price; the products of a price list are the ones that stand in it (S1-2).
        stores: where it runs; None is everywhere (S1-32).
        priority: lower is earlier (S1-29).
        code: must be given by the customer; empty is automatic (S1-30).
        combinable: False is ``preventCombinations`` (S1-31).
        quantity_threshold, amount_threshold: at least this much; 0 is no threshold (S1-19, S1-20).
        max_usage: most applications in one order; 0 is no cap (S1-21).
        customer_group: whom it is for; None is everybody (S1-37).
    """

    uid: str
    discount: Discount
    valid_from: datetime
    valid_to: datetime
    percent: Decimal | None = None
    amount: Decimal | None = None
    prices: Mapping[str, Decimal] | None = None
    products: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    stores: frozenset[str] | None = None
    priority: int = 0
    code: str = ""
    combinable: bool = True
    quantity_threshold: int = 0
    amount_threshold: Decimal = field(default=Decimal(0))
    max_usage: int = 0
    customer_group: str | None = None

    def __post_init__(self) -> None:
        if sum(amount is not None for amount in (self.percent, self.amount, self.prices)) != 1:
            raise ValueError(f"{self.uid}: exactly one of percent, amount and prices (S1-6)")
        if self.prices is not None and self.discount is not Discount.QUALIFIED_PRODUCT:
            raise ValueError(f"{self.uid}: a price list is for qualified products (S1-5)")
        if self.discount is Discount.ORDER_DISCOUNT and (self.products is not None or self.excluded):
            raise ValueError(f"{self.uid}: a discount on the order has no selection of products (S1-36)")
        if self.percent is not None and not 0 < self.percent <= 100:
            raise ValueError(f"{self.uid}: a percentage is above 0 and at most 100")
        if self.amount is not None and self.amount <= 0:
            raise ValueError(f"{self.uid}: an amount is above 0")


@dataclass(frozen=True, slots=True)
class Left:
    """What a campaign may still give, all orders together; None is without limit."""

    uses: int | None = None
    discount: Decimal | None = None
