"""What a customer is about to buy, as a till knows it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from .quantities import Quantity, is_positive


class Line(NamedTuple):
    """Equal units of one product, or goods by weight.

    Attributes:
        id: the till's own name for the line, once in a basket.
        quantity: above 0, with up to three decimals. One that is not whole is a weight: the line is one unit (D69).
        unit_price: what one costs before campaigns: the store's price, else the chain's, else the product's (S1-34).
        locked: confirmed already; its price stands whatever campaigns say (S1-35).
    """

    id: str
    product: str
    quantity: Quantity
    unit_price: Decimal
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines in one currency.

    Attributes:
        store: where it is bought; None where campaigns are not bound to stores.
        codes: campaign codes that the customer gave, as they were given (S1-30, D67).
        customer_group: what the customer belongs to (S1-37).
        decimals: how many the currency's minor unit is.
    """

    currency: str
    lines: Sequence[Line]
    store: str | None = None
    codes: Collection[str] = ()
    customer_group: str | None = None
    decimals: int = 2

    def __post_init__(self) -> None:
        seen = set()
        for line in self.lines:
            if not is_positive(line.quantity):
                raise ValueError(f"line {line.id} needs a quantity above 0 with up to three decimals")
            if line.unit_price < 0:
                raise ValueError(f"line {line.id} needs a price of 0 or more")
            if line.id in seen:
                raise ValueError(f"there are two lines {line.id}")
            seen.add(line.id)
