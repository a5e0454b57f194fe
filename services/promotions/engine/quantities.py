"""How much of a product a line is: whole units, or goods by weight with up to three decimals (D69)."""

import re
from decimal import Decimal

from .money import half_up

Quantity = int | Decimal
"""Whole units are an ``int``; a ``Decimal`` is goods by weight."""

NEAR = Decimal("1e-9")  # binary arithmetic may take a JSON number this far from its thousandth
MOST = Decimal(10) ** 12
_TEXT = re.compile(r"-?\d{1,15}(\.\d{1,30})?", re.ASCII)


class InexactQuantity(ValueError):
    """A quantity of more than three decimals."""


def read(value: object) -> Quantity | None:
    """The quantity that a JSON number or a decimal string says; None where it says none.

    A number is read by its shortest decimal form, and counts as the thousandth that it is within 1e-9 of. ``2.0`` is
    two units.

    Raises:
        InexactQuantity: it has more than three decimals.
    """
    if type(value) is int:
        return value
    if isinstance(value, str):
        number = Decimal(value) if _TEXT.fullmatch(value) else None
    else:
        number = Decimal(str(value)) if isinstance(value, float) else None
    if number is None or not number.is_finite() or abs(number) > MOST:
        return None
    nearest = round(number, 3)
    if nearest != number and (isinstance(value, str) or abs(number - nearest) > NEAR):
        raise InexactQuantity("A quantity has at most three decimals.")
    return settled(nearest)


def settled(quantity: Quantity) -> Quantity:
    """The same quantity: an ``int`` where it is whole, else a ``Decimal`` without trailing zeros."""
    if isinstance(quantity, int):
        return quantity
    return int(quantity) if quantity == quantity.to_integral_value() else quantity.normalize()


def is_positive(quantity: object) -> bool:
    """Whether it is a quantity above 0 with at most three decimals."""
    if isinstance(quantity, int):
        return quantity > 0
    return isinstance(quantity, Decimal) and quantity.is_finite() and quantity == round(quantity, 3) and quantity > 0


def price_of(quantity: Quantity, unit_price: int) -> int:
    """What a quantity ≥ 0 costs at so many minor units for one, half up (D69)."""
    if isinstance(quantity, int):
        return quantity * unit_price
    numerator, denominator = quantity.as_integer_ratio()
    return half_up(numerator * unit_price, denominator)


def to_number(quantity: Quantity) -> int | float:
    """As JSON has it: the number with just these decimals."""
    return quantity if isinstance(quantity, int) else int(quantity * 1000) / 1000
