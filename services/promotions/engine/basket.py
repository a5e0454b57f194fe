"""What somebody is about to buy, as a till knows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple


class Line(NamedTuple):
    """Equal units of one product.

    Attributes:
        id: the till's own name for the line, once in a basket.
        quantity: whole units, at least 1.
        unit_price: what one costs before campaigns: the store's price, else the chain's, else the product's (S1-34).
        locked: confirmed already; its price stands whatever campaigns say (S1-35).
    """

    id: str
    product: str
    quantity: int
    unit_price: Decimal
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines in one currency.

    Attributes:
        store: where it is bought; None where campaigns are not bound to stores.
        codes: campaign codes that the customer gave (S1-30).
        customer_group: what the customer belongs to (S1-37).
    """

    currency: str
    lines: Sequence[Line]
    store: str | None = None
    codes: frozenset[str] = frozenset()
    customer_group: str | None = None

    def __post_init__(self) -> None:
        seen = set()
        for line in self.lines:
            if not isinstance(line.quantity, int) or line.quantity < 1 or line.unit_price < 0:
                raise ValueError(f"line {line.id} needs a whole quantity of 1 or more and a price of 0 or more")
            if line.id in seen:
                raise ValueError(f"there are two lines {line.id}")
            seen.add(line.id)
