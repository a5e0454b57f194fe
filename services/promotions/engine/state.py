"""A basket while it is being worked on."""

from dataclasses import dataclass, field
from operator import attrgetter

from .basket import Basket, Line
from .catalogue import Rule
from .money import to_minor
from .quantities import Quantity, price_of, settled

Part = tuple[str, int]
Segment = tuple[int, int, tuple[Part, ...]]
"""Neighbouring units of a line: how many, what each costs now, and what was taken off each by whom."""


@dataclass(slots=True, eq=False)
class LineState:
    """A line whose units become cheaper.

    Attributes:
        quantity: the line's.
        units: how many units it is for campaigns; one where it was weighed (D69).
        unit_price: what the line says that one costs.
        price: what a unit cost before campaigns; all of a weighed line.
    """

    line: Line
    quantity: Quantity
    units: int
    unit_price: int
    price: int
    segments: list[Segment]

    @classmethod
    def of(cls, line: Line, places: int) -> "LineState":
        quantity, unit_price = line.quantity, to_minor(line.unit_price, places)
        if not isinstance(quantity, int):
            quantity = settled(quantity)
        if isinstance(quantity, int):
            return cls(line, quantity, quantity, unit_price, unit_price, [(quantity, unit_price, ())])
        price = price_of(quantity, unit_price)
        return cls(line, quantity, 1, unit_price, price, [(1, price, ())])

    @property
    def net(self) -> int:
        return sum(count * price for count, price, _ in self.segments)

    @property
    def paid(self) -> int:
        """The units that cost something now: only these qualify for a campaign and are chosen by it (D29)."""
        return sum([count for count, price, _ in self.segments if price])

    def at(self, unit_price: int) -> int:
        """What a unit of it costs in a price list."""
        if isinstance(self.quantity, int):
            return unit_price
        return price_of(self.quantity, unit_price)


@dataclass(slots=True)
class OrderState:
    """All lines in an order of their own, so that the basket's order changes nothing.

    Attributes:
        total: the order total before campaign discounts (D24), locked lines included.
        units: all units of the order, locked ones and those that cost nothing included.
        open: the lines that campaigns may touch (S1-35).
    """

    lines: list[LineState]
    total: int = field(init=False)
    units: int = field(init=False)
    open: list[LineState] = field(init=False)

    def __post_init__(self) -> None:
        self.total = sum([state.units * state.price for state in self.lines])
        self.units = sum([state.units for state in self.lines])
        self.open = [state for state in self.lines if not state.line.locked]

    @classmethod
    def of(cls, basket: Basket) -> "OrderState":
        """
        Raises:
            InexactAmount: a price has more decimals than the currency.
        """
        lines = sorted(basket.lines, key=attrgetter("product", "id"))
        return cls([LineState.of(line, basket.decimals) for line in lines])


@dataclass(slots=True, eq=False)
class Candidate:
    """A rule that is considered.

    Attributes:
        touched: the open lines it is for, with what a unit costs in its price list.
        quantity: the units that count for its quantityThreshold: qualifying ones that cost something when its turn
            comes (D29), or all of the order (D24).
    """

    rule: Rule
    touched: list[tuple[LineState, int | None]]
    quantity: int
