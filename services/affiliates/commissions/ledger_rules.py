"""What the ledger must hold for an order, and the entries that bring it there (S2-27).

Each entry is the difference between what these rules give now and what earlier entries come to. So the sums of the
ledger are what the rules give, in whatever order things happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from chassis.core import money
from chassis.core.errors import Conflict, Invalid


class OrderStatus(StrEnum):
    """Status of an order, as the merchant's shop reports it (S2-27)."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    REFUNDED = "refunded"


class Account(StrEnum):
    """Commission is held until the order is confirmed, then approved for payout."""

    HELD = "HELD"
    APPROVED = "APPROVED"


class Cause(StrEnum):
    """Why an entry was made."""

    CREDITED = "credited"
    APPROVED = "approved"
    HELD = "held"
    REFUNDED = "refunded"
    REVERSED = "reversed"


TAKEN_BACK = (Cause.REFUNDED, Cause.REVERSED)
APPROVING = frozenset({OrderStatus.CONFIRMED, OrderStatus.DELIVERED})
REVERSING = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED, OrderStatus.REFUNDED})
CAUSES = (
    dict.fromkeys(APPROVING, Cause.APPROVED)
    | dict.fromkeys(REVERSING, Cause.REVERSED)
    | {OrderStatus.PENDING: Cause.HELD}
)
"""The cause of entries that follow a change to each order status."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """The state of an order, as far as it matters for commission.

    Attributes:
        refunded: the part of ``amount`` that was refunded.
        by_item: the part of ``refunded`` that named lines.
        taken_by_item: the commission that ``by_item`` took back.
    """

    status: OrderStatus
    amount: Decimal
    currency: str
    refunded: Decimal = Decimal(0)
    by_item: Decimal = Decimal(0)
    taken_by_item: Decimal = Decimal(0)

    def after(self, status: OrderStatus, refund: Decimal | None) -> "OrderState":
        """The state after a status report. A partial refund keeps the status, unless it completes the order's amount.

        Raises:
            Conflict: ``order_closed``: an order that was cancelled, returned or wholly refunded does not come back.
            Invalid: a refunded amount with another status, or more than is left of the order.
        """
        if refund is not None and status is not OrderStatus.REFUNDED:
            raise Invalid.field("refundAmount", "Allowed only with the status 'refunded'.")
        if status not in REVERSING or refund is not None:
            self.require_open()
        elif self.status in REVERSING:
            return replace(self, status=status)
        if refund is None:
            refunded = self.amount if status is OrderStatus.REFUNDED else self.refunded
            return replace(self, status=status, refunded=refunded)
        left = self.amount - self.refunded
        if refund > left:
            raise Invalid.field("refundAmount", f"Only {money.written(left, self.currency)} of the order is left.")
        whole = refund == left and self.amount > 0
        return replace(self, status=status if whole else self.status, refunded=self.refunded + refund)

    def require_open(self) -> None:
        """Raises ``Conflict`` ``order_closed`` if the order was cancelled, returned or wholly refunded."""
        if self.status in REVERSING:
            raise Conflict(f"The order was {self.status}, which is final.", code="order_closed")


def remaining(commission: Decimal, order: OrderState) -> Decimal:
    """What is left of a commission. Nothing, if the order was undone. Else refunds that name lines take back what those
    lines earned, and other refunds take back in proportion to the order's amount."""
    if order.status in REVERSING:
        return money.from_minor(0, order.currency)
    at_large = order.refunded - order.by_item
    left = commission
    if at_large:
        left = money.rounded(commission * (order.amount - at_large) / order.amount, order.currency)
    return max(left - order.taken_by_item, money.from_minor(0, order.currency))


def standing(commission: Decimal, order: OrderState) -> dict[Account, Decimal]:
    """What each account must hold for a credited order."""
    left = remaining(commission, order)
    approved = order.status in APPROVING
    return {Account.HELD: Decimal(0) if approved else left, Account.APPROVED: left if approved else Decimal(0)}


def entries(before: Mapping[Account, Decimal], after: Mapping[Account, Decimal]) -> list[tuple[Account, Decimal]]:
    """The amounts to enter so that accounts with ``before`` come to ``after``."""
    differences = [(account, after.get(account, Decimal(0)) - before.get(account, Decimal(0))) for account in Account]
    return [(account, amount) for account, amount in differences if amount]
