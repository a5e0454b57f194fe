"""Checks amounts of a request against the decimals of their currency (D9)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chassis.core import money
from chassis.core.errors import Invalid

Named = list[tuple[str, str]]
"""Fields, and what is wrong with each."""


class Fitter:
    """Gives the amounts of a body the decimals of their currency, and collects those that have more."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.problems: Named = []

    def __call__(self, amount: Decimal, field: str) -> Decimal:
        """The amount as exact as its currency; one that is finer comes back as it is, and ``field`` is noted."""
        try:
            return money.exact(amount, self.currency)
        except money.InexactAmount as error:
            self.problems.append((field, str(error)))
            return amount

    def fit(self, data: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
        """``data`` with those of its amounts that ``fields`` names, each with what it is called on the wire."""
        amounts = {name: data[name] for name in fields if data.get(name) is not None}
        return dict(data) | {name: self(amount, fields[name]) for name, amount in amounts.items()}

    def require(self) -> None:
        """
        Raises:
            Invalid: something did not fit; ``errors`` names it.
        """
        if self.problems:
            errors = [{"field": field, "message": message} for field, message in self.problems]
            detail = " ".join(f"{field}: {message}" for field, message in self.problems[:3])
            raise Invalid(detail, errors=errors[:100])
