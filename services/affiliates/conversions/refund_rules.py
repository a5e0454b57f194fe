"""Reports of an order's status; refunds of single lines: how much may be refunded, what is taken back for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from chassis.core import money
from chassis.core.errors import Invalid
from chassis.http.schemas import in_currency
from services.affiliates.commissions.ledger_rules import REVERSING, OrderState, OrderStatus, remaining
from services.affiliates.commissions.rules import split


@dataclass(frozen=True, slots=True)
class RefundItem:
    """A refund of a product: a number of pieces, an amount, or all that is left of it."""

    external_id: str
    quantity: int | None = None
    amount: Decimal | None = None

    def in_currency(self, currency: str, field: str) -> "RefundItem":
        """The item with an amount that has the currency's decimals (D9); ``field`` names it in a refusal."""
        if self.amount is None:
            return self
        return replace(self, amount=in_currency(self.amount, currency, f"{field}.amount"))

    def as_row(self) -> dict[str, Any]:
        """As it is stored with its refund."""
        amount = None if self.amount is None else str(self.amount)
        return {"externalId": self.external_id, "quantity": self.quantity, "amount": amount}


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of an order as a shop reports it (S2-27).

    Attributes:
        refund: what is refunded now, in the order's currency; with ``items`` at least what they come to.
        items: the lines that are refunded now. Each takes back what it earned.
        refund_id: the same refund counts once.
    """

    status: OrderStatus
    refund: Decimal | None
    items: Sequence[RefundItem]
    refund_id: str | None

    def in_currency(self, currency: str, *, stored: Decimal | None) -> "StatusReport":
        """The report with amounts that have the currency's decimals (D9).

        A refund of ``stored`` stays as it is: one from before D9 may be reported again.

        Raises:
            Invalid: an amount has more decimals; names its field.
        """
        refund = self.refund
        if refund is not None and refund != stored:
            refund = in_currency(refund, currency, "refundAmount")
        items = [item.in_currency(currency, f"items.{number}") for number, item in enumerate(self.items)]
        return replace(self, refund=refund, items=items)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order, what it earned, and what was refunded of it by name."""

    external_id: str
    quantity: int
    amount: Decimal
    commission: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    refunded_quantity: int = 0

    @property
    def pieces_left(self) -> int:
        return self.quantity - self.refunded_quantity

    @property
    def amount_left(self) -> Decimal:
        return self.amount - self.refunded

    @property
    def is_refunded(self) -> bool:
        return self.amount_left == 0 and (self.amount > 0 or self.pieces_left == 0)

    def price_of(self, pieces: int, currency: str) -> Decimal:
        """The price of some of the pieces that are left. The last pieces cost all that is left of the amount."""
        if pieces and pieces == self.pieces_left:
            return self.amount_left
        return min(money.rounded(self.amount * pieces / self.quantity, currency), self.amount_left)

    def taken_back(self, currency: str) -> Decimal:
        """The commission that the line's refunds take back: in proportion to its amount, or to its pieces if the line
        cost nothing."""
        if self.amount:
            return money.rounded(self.commission * self.refunded / self.amount, currency)
        return money.rounded(self.commission * self.refunded_quantity / self.quantity, currency)


def refund_items(lines: Sequence[Line], items: Sequence[RefundItem], currency: str) -> list[Line]:
    """The lines after a refund. A product on several lines is refunded line by line, from the first.

    Raises:
        Invalid: the order has no such product, or not as much of it is left.
    """
    after = list(lines)
    for number, item in enumerate(items):
        places = [place for place, line in enumerate(after) if line.external_id == item.external_id]
        if not places:
            raise Invalid.field(f"items.{number}.externalId", "The order has no such line.")
        _require_left([after[place] for place in places], item, number, currency)
        quantity, amount = item.quantity, item.amount
        for place in places:
            line = after[place]
            pieces, price = _part_of(line, quantity, amount, currency)
            quantity = None if quantity is None else quantity - pieces
            amount = None if amount is None else amount - price
            after[place] = replace(
                line, refunded=line.refunded + price, refunded_quantity=line.refunded_quantity + pieces
            )
    return after


def lines_taken_back(commission: Decimal, order: OrderState, lines: Sequence[Line]) -> list[Decimal]:
    """The commission that each line has lost; together as much as the order has lost.

    Refunds that name no line are spread over what the lines still have, by largest remainder.
    """
    if order.status in REVERSING:
        return [line.commission for line in lines]
    by_name = [line.taken_back(order.currency) for line in lines]
    at_large = commission - remaining(commission, order) - sum(by_name, Decimal(0))
    if not lines or not at_large:
        return by_name
    weights = [line.commission - amount for line, amount in zip(lines, by_name, strict=True)]
    parts = split(at_large, weights, order.currency)
    return [amount + part for amount, part in zip(by_name, parts, strict=True)]


def _require_left(lines: Sequence[Line], item: RefundItem, number: int, currency: str) -> None:
    """Refuse more than is left of a product, and a refund of a product that was wholly refunded."""
    pieces = sum(line.pieces_left for line in lines)
    amount = sum((line.amount_left for line in lines), Decimal(0))
    if all(line.is_refunded for line in lines):
        raise Invalid.field(f"items.{number}", "Nothing of the line is left to refund.")
    if item.quantity is not None and item.quantity > pieces:
        raise Invalid.field(f"items.{number}.quantity", f"Only {pieces} of the line are left to refund.")
    if item.amount is not None and item.amount > amount:
        left = money.written(amount, currency)
        raise Invalid.field(f"items.{number}.amount", f"Only {left} of the line is left to refund.")


def _part_of(line: Line, quantity: int | None, amount: Decimal | None, currency: str) -> tuple[int, Decimal]:
    """How many pieces of a line and how much of its amount go to a refund of ``quantity`` or ``amount``."""
    if quantity is None and amount is None:
        return line.pieces_left, line.amount_left
    pieces = min(quantity or 0, line.pieces_left)
    if amount is not None:
        return pieces, min(amount, line.amount_left)
    return pieces, line.price_of(pieces, currency)
