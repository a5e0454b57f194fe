"""What a conversion's accounts must hold, and the entries that bring them there (S2-27).

The ledger never says anything of its own: it holds the difference between what these rules give now and what has been
entered before. So its sums are what the rules give, in whatever order things happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from chassis.errors import Conflict, Invalid
from services.affiliates.rules.commission import to_cents


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
    """How far an order has come, as far as commission goes."""

    status: OrderStatus
    amount: Decimal
    refunded: Decimal = Decimal(0)

    def after(self, wanted: OrderStatus, refund: Decimal | None) -> "OrderState":
        """The state after a status report. A refund of a part leaves the status, one that completes the order's amount
        is a refund of all.

        Raises:
            Conflict: ``order_closed``: what was cancelled, returned or refunded in whole does not come back.
            Invalid: a refunded amount with another status, or more than was left of the order.
        """
        if refund is not None and wanted is not OrderStatus.REFUNDED:
            raise Invalid.field("refundAmount", "Goes with the status 'refunded' only.")
        if self.status in REVERSING:
            if wanted not in REVERSING or refund is not None:
                raise Conflict(f"The order was {self.status}; that is final.", code="order_closed")
            return OrderState(wanted, self.amount, self.refunded)
        if refund is None:
            refunded = self.amount if wanted is OrderStatus.REFUNDED else self.refunded
            return OrderState(wanted, self.amount, refunded)
        if self.refunded + refund > self.amount:
            raise Invalid.field("refundAmount", f"Only {self.amount - self.refunded} of the order is left.")
        whole = self.refunded + refund == self.amount
        return OrderState(wanted if whole else self.status, self.amount, self.refunded + refund)


def remaining(commission: Decimal, order: OrderState) -> Decimal:
    """What is left of a commission: all of it less the refunded part in proportion, nothing of an order undone."""
    if order.status in REVERSING:
        return Decimal("0.00")
    if order.refunded == 0:
        return commission
    return to_cents(commission * (order.amount - order.refunded) / order.amount)


def standing(commission: Decimal, order: OrderState) -> dict[Account, Decimal]:
    """What each account must hold for a credited conversion."""
    left = remaining(commission, order)
    approved = order.status in APPROVING
    return {Account.HELD: Decimal(0) if approved else left, Account.APPROVED: left if approved else Decimal(0)}


def entries(before: Mapping[Account, Decimal], after: Mapping[Account, Decimal]) -> list[tuple[Account, Decimal]]:
    """The amounts to enter so that accounts that hold ``before`` hold ``after``."""
    differences = [(account, after.get(account, Decimal(0)) - before.get(account, Decimal(0))) for account in Account]
    return [(account, amount) for account, amount in differences if amount]
