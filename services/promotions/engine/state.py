"""A basket while it is being worked on."""

from dataclasses import dataclass, field
from operator import attrgetter

from .basket import Basket, Line
from .catalogue import Rule
from .money import to_minor

Part = tuple[str, int]
Segment = tuple[int, int, tuple[Part, ...]]
"""Neighbouring units of a line: how many, what each costs now, and what was taken off each by whom."""


@dataclass(slots=True, eq=False)
class LineState:
    """A line whose units become cheaper; ``price`` stays what one cost before campaigns, ``quantity`` the line's."""

    line: Line
    quantity: int
    price: int
    segments: list[Segment]

    @property
    def net(self) -> int:
        return sum(count * price for count, price, _ in self.segments)


@dataclass(slots=True)
class OrderState:
    """All lines in an order of their own, so that the basket's order changes nothing.

    Attributes:
        total: the order total before campaign discounts (D24), locked lines included.
        units: all units of the order, locked ones included.
        open: the lines that campaigns may touch (S1-35).
    """

    lines: list[LineState]
    total: int = field(init=False)
    units: int = field(init=False)
    open: list[LineState] = field(init=False)

    def __post_init__(self) -> None:
        self.total = sum([state.quantity * state.price for state in self.lines])
        self.units = sum([state.quantity for state in self.lines])
        self.open = [state for state in self.lines if not state.line.locked]

    @classmethod
    def of(cls, basket: Basket, places: int) -> "OrderState":
        """
        Raises:
            InexactAmount: a price has more decimals than the currency.
        """
        lines = []
        for line in sorted(basket.lines, key=attrgetter("product", "id")):
            price = to_minor(line.unit_price, places)
            lines.append(LineState(line, line.quantity, price, [(line.quantity, price, ())]))
        return cls(lines)


@dataclass(slots=True, eq=False)
class Candidate:
    """A rule that is considered, and the open lines it is for with their prices in its price list."""

    rule: Rule
    touched: list[tuple[LineState, int | None]]
    quantity: int = 0


"""The units that count for its quantityThreshold (D24)."""
