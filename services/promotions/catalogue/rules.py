"""Checks amounts of a request against the decimals of their currency (D9)."""

from collections.abc import Mapping
from typing import Any

from chassis.core import money
from services.promotions.common.rules import refusal


class Fitter:
    """Gives the amounts of a body the decimals of their currency, and collects those that have more."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.problems: list[tuple[str, str]] = []

    def fit(self, data: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
        """``data`` with the amounts that ``fields`` names as exact as their currency; finer ones stay and are noted.

        Args:
            fields: what each amount is called on the wire.
        """
        fitted = dict(data)
        for name, field in fields.items():
            try:
                if data.get(name) is not None:
                    fitted[name] = money.exact(data[name], self.currency)
            except money.InexactAmount as error:
                self.problems.append((field, str(error)))
        return fitted

    def require(self) -> None:
        """
        Raises:
            Invalid: something did not fit; ``errors`` names it.
        """
        if self.problems:
            raise refusal(self.problems)
