"""What came of one line of a basket, unit by unit."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from .quantities import Quantity, price_of


class Run(NamedTuple):
    """Neighbouring units of a line with the same discount. ``parts`` are ``(campaign uid, minor units)`` of each."""

    length: int
    discount: int
    parts: tuple[tuple[str, int], ...]


class ReturnOf(NamedTuple):
    """Where returned units come from: the evaluation they were bought with, its line, and their numbers in it."""

    evaluation: str
    line: str
    units: tuple[int, ...]


class LineResult(NamedTuple):
    """A line and what its units came to, in minor units.

    A returned line has a quantity below 0. Its runs say what was taken off each unit when it was bought, and its sums
    are below 0 (D69).
    """

    id: str
    product: str
    quantity: Quantity
    unit_price: int
    runs: tuple[Run, ...]
    return_of: ReturnOf | None = None

    @property
    def gross(self) -> int:
        if self.return_of is None:
            return price_of(self.quantity, self.unit_price)
        return -price_of(-self.quantity, self.unit_price)

    @property
    def discount(self) -> int:
        discount = sum([run.length * run.discount for run in self.runs])
        return discount if self.return_of is None else -discount

    @property
    def net(self) -> int:
        return self.gross - self.discount

    @property
    def unit_count(self) -> int:
        """How many units it has: one where it was weighed."""
        return self.quantity if isinstance(self.quantity, int) else 1

    @property
    def price(self) -> int:
        """What one of its units cost before campaigns."""
        return self.unit_price if isinstance(self.quantity, int) else self.gross

    def to_record(self) -> list[Any]:
        quantity = self.quantity if isinstance(self.quantity, int) else str(self.quantity)
        record = [self.id, self.product, quantity, self.unit_price, [list(run) for run in self.runs]]
        return record if self.return_of is None else [*record, list(self.return_of)]

    @classmethod
    def from_record(
        cls, uid: str, product: str, quantity: int | str, price: int, runs: Iterable[Any], *origin: Any
    ) -> "LineResult":
        amount = quantity if isinstance(quantity, int) else Decimal(quantity)
        return_of = ReturnOf(origin[0][0], origin[0][1], tuple(origin[0][2])) if origin else None
        return cls(uid, product, amount, price, tuple(_run(*run) for run in runs), return_of)

    def units(self) -> Iterator[Run]:
        """Its units one by one."""
        for run in self.runs:
            yield from [run._replace(length=1)] * run.length


def _run(length: int, discount: int, parts: Iterable[Iterable[Any]]) -> Run:
    return Run(length, discount, tuple((uid, amount) for uid, amount in parts))
