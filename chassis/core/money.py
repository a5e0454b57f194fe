"""Money and its currency: ISO 4217's minor units, and how an amount is read, checked, rounded and written (D9).

Amounts are ``Decimal`` everywhere. Schemas :func:`read` them without knowing the currency. Code that knows it checks
that they are :func:`exact` before it stores them, rounds computed amounts (:func:`rounded`), and answers with as many
decimals as the currency has (:func:`written`).
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

import iso4217

CURRENCIES: Mapping[str, int] = MappingProxyType(
    {currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None}
)
"""The decimals of each currency's minor unit. Codes without one (gold, test codes) are no currencies to price in."""

FINEST = max(CURRENCIES.values())
NEAR = Decimal("1e-9")  # a JSON number this near to a minor unit stands for it: binary arithmetic is not exact
MAX_AMOUNT = Decimal(10) ** 12 - 1
_TEXT = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)


class InexactAmount(ValueError):
    """An amount that has more decimals than its currency."""


def is_currency(code: str) -> bool:
    """Whether ``code`` is a currency of ISO 4217 in its three capital letters."""
    return code in CURRENCIES


def minor_units(currency: str) -> int:
    """The decimals of amounts in ``currency``; two in a stored currency that has left the standard."""
    return CURRENCIES.get(currency, 2)


def read(value: object) -> Decimal | None:
    """The amount ≥ 0 of a JSON number or a decimal string; None for anything else.

    A number is read by its shortest decimal form, and counts as the minor unit that it is within 1e-9 of. Trailing
    zeros mean nothing.
    """
    if isinstance(value, str):
        return Decimal(value) if _TEXT.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = Decimal(str(value or 0))  # -0.0 is 0, and has no minus that an answer would show
    if not number.is_finite() or not 0 <= number <= MAX_AMOUNT:
        return None
    nearest = round(number, FINEST)
    return nearest if abs(number - nearest) <= NEAR else number


def exact(amount: Decimal, currency: str) -> Decimal:
    """The same amount with the currency's decimals; ``InexactAmount`` where it has more."""
    places = minor_units(currency)
    nearest = round(amount, places)
    if nearest != amount:
        decimals = {0: "no decimals", 1: "one decimal"}.get(places, f"at most {places} decimals")
        raise InexactAmount(f"{currency} has {decimals}.")
    return nearest


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount rounded half up to the currency's minor unit (D27, D33)."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)


def written(amount: Decimal, currency: str) -> str:
    """The amount with the currency's decimals, ``"19.990"``. One that was stored with more keeps those it needs."""
    places = minor_units(currency)
    nearest = round(amount, places)
    return format(nearest if nearest == amount else amount.normalize(), "f")


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount in minor units; ``InexactAmount`` where it has more decimals than the currency."""
    return int(exact(amount, currency).scaleb(minor_units(currency)))


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount of so many minor units."""
    return Decimal(minor).scaleb(-minor_units(currency))
