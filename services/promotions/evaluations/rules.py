"""Limits of a basket, and the order in which units of a line come back."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from services.promotions.engine import LineResult, Quantity

MAX_LINES = 1000
MAX_CODES = 50
MAX_UNITS = 10_000
"""Units of all lines together: the answer names each. A weighed line is one, of at most so much."""
MAX_TOTAL = Decimal(10) ** 12
"""What an order can cost before campaigns."""
FARTHEST = timedelta(days=3660)
"""The longest time between now and the moment of an evaluation. Beyond, the till's clock is wrong."""
KEEP = timedelta(days=3 * 366)
"""How long an evaluation can be read and its units returned."""


def is_far_away(at: datetime, now: datetime) -> bool:
    return abs(at - now) > FARTHEST


def units_of(quantity: Quantity) -> int:
    """How many units a line of this quantity is: one where it was weighed (D69). Returned ones count too."""
    return abs(quantity) if isinstance(quantity, int) else 1


def next_back(line: LineResult, quantity: int, gone: Collection[int]) -> Sequence[int]:
    """The units of a line that come back where a return names none: those with the largest discount first.

    So a customer who returns one of three for the price of two gets nothing back, and returning units one by one never
    pays more.
    """
    discounts = [unit.discount for unit in line.units()]
    there = [unit for unit in range(line.unit_count) if unit not in gone]
    return sorted(there, key=lambda unit: (-discounts[unit], unit))[:quantity]
