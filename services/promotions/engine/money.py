"""Money as whole minor units: amounts go in and come out as ``Decimal``, in between are exact integers.

The caller says how many decimals a currency has (``Basket``, ``CampaignSet``, a bundle): there is no table here.
"""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache


class InexactAmount(ValueError):
    """An amount that the currency has no coin for, or that is no number."""


def to_minor(amount: Decimal, places: int) -> int:
    """An amount as minor units.

    Raises:
        InexactAmount: it has more decimals than the currency.
    """
    if not amount.is_finite():
        raise InexactAmount(f"{amount} is no amount")
    numerator, denominator = amount.as_integer_ratio()
    minor, rest = divmod(numerator * 10**places, denominator)
    if rest:
        raise InexactAmount(f"{amount} has more than {places} decimals")
    return minor


def rounded(amount: Decimal, places: int) -> int:
    """An amount as minor units, half up where it is finer (D27)."""
    return to_minor(amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), places)


def floored(amount: Decimal, places: int) -> int:
    """The whole minor units in an amount."""
    return to_minor(amount.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR), places)


def to_decimal(minor: int, places: int) -> Decimal:
    return Decimal(minor).scaleb(-places)


@lru_cache(maxsize=4096)  # an answer says the same amounts again and again
def to_text(minor: int, places: int) -> str:
    """``12.00``: a decimal string with as many decimals as the currency has."""
    if not places:
        return str(minor)
    whole, rest = divmod(abs(minor), 10**places)
    return f"{'-' if minor < 0 else ''}{whole}.{rest:0{places}}"


def half_up(numerator: int, denominator: int) -> int:
    """The quotient of two numbers ≥ 0, rounded to the nearest whole one, a half up (D27)."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in parts that follow the weights and add up to it, by largest remainder (D25).

    ``total`` is at most the sum of the weights, so no part is larger than its weight; a weight of 0 gets nothing. Equal
    remainders go to the larger weight, then to the earlier one.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    missing = total - sum(parts)
    if missing:
        order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), -weights[i], i))
        for i in order[:missing]:
            parts[i] += 1
    return parts
