"""What a conversion's accounts must hold, and the entries that bring them there (S2-27).

The ledger never says anything of its own: it holds the difference between what these rules give now and what has been
entered before. So its sums are what the rules give, in whatever order things happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from chassis.core import money
from chassis.core.errors import Conflict, Invalid


class OrderStatus(StrEnum):
    """S2-27, as the merchant's shop tells it."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    REFUNDED = "refunded"


class Account(StrEnum):
    """Where commission stands: held until the order is confirmed, then approved for payout."""

    HELD = "HELD"
    APPROVED = "APPROVED"


class Cause(StrEnum):
    """What made an entry."""

    CREDITED = "credited"
    APPROVED = "approved"
    HELD = "held"
    REFUNDED = "refunded"
    REVERSED = "reversed"


APPROVING = frozenset({OrderStatus.CONFIRMED, OrderStatus.DELIVERED})
REVERSING = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED, OrderStatus.REFUNDED})
CAUSES = (
    dict.fromkeys(APPROVING, Cause.APPROVED)
    | dict.fromkeys(REVERSING, Cause.REVERSED)
    | {OrderStatus.PENDING: Cause.HELD}
)
"""What a change to each order status enters."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """How far an order has come, as far as commission goes.

    Attributes:
        refunded: what was refunded of ``amount``, in whole.
        by_item: what of that was refunded of lines by name, and ``taken_by_item`` the commission that took back.
    """

    status: OrderStatus
    amount: Decimal
    currency: str
    refunded: Decimal = Decimal(0)
    by_item: Decimal = Decimal(0)
    taken_by_item: Decimal = Decimal(0)

    def after(self, wanted: OrderStatus, refund: Decimal | None) -> "OrderState":
        """The state after a status report. A refund of a part leaves the status, one that completes the order's amount
        is a refund of all.

        Raises:
            Conflict: ``order_closed``: what was cancelled, returned or refunded in whole does not come back.
            Invalid: a refunded amount with another status, or more than was left of the order.
        """
        if refund is not None and wanted is not OrderStatus.REFUNDED:
            raise Invalid.field("refundAmount", "Goes with the status 'refunded' only.")
        if wanted not in REVERSING or refund is not None:
            self.require_open()
        elif self.status in REVERSING:
            return replace(self, status=wanted)
        if refund is None:
            refunded = self.amount if wanted is OrderStatus.REFUNDED else self.refunded
            return replace(self, status=wanted, refunded=refunded)
        left = self.amount - self.refunded
        if refund > left:
            raise Invalid.field("refundAmount", f"Only {money.written(left, self.currency)} of the order is left.")
        whole = refund == left and self.amount > 0
        return replace(self, status=wanted if whole else self.status, refunded=self.refunded + refund)

    def require_open(self) -> None:
        """Raises ``Conflict`` ``order_closed`` where the order was undone in whole."""
        if self.status in REVERSING:
            raise Conflict(f"The order was {self.status}; that is final.", code="order_closed")


def remaining(commission: Decimal, order: OrderState) -> Decimal:
    """What is left of a commission: nothing of an order undone; else all of it, less what refunded lines took back, and
    less what was refunded without naming a line, in proportion to the order's amount."""
    if order.status in REVERSING:
        return money.from_minor(0, order.currency)
    at_large = order.refunded - order.by_item
    left = commission
    if at_large:
        left = money.rounded(commission * (order.amount - at_large) / order.amount, order.currency)
    return max(left - order.taken_by_item, money.from_minor(0, order.currency))


def standing(commission: Decimal, order: OrderState) -> dict[Account, Decimal]:
    """What each account must hold for a credited conversion."""
    left = remaining(commission, order)
    approved = order.status in APPROVING
    return {Account.HELD: Decimal(0) if approved else left, Account.APPROVED: left if approved else Decimal(0)}


def entries(before: Mapping[Account, Decimal], after: Mapping[Account, Decimal]) -> list[tuple[Account, Decimal]]:
    """The amounts to enter so that accounts that hold ``before`` hold ``after``."""
    differences = [(account, after.get(account, Decimal(0)) - before.get(account, Decimal(0))) for account in Account]
    return [(account, amount) for account, amount in differences if amount]
