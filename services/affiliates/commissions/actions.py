"""The ledger of commission: it gets the difference between what the rules give now and what it holds."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core import money
from services.affiliates.commissions import ledger_rules as rules
from services.affiliates.commissions.ledger_rules import Account, Cause, OrderState, OrderStatus
from services.affiliates.common.terms import HUNDRED, split
from services.affiliates.conversions import refund_rules
from services.affiliates.conversions.models import Conversion, ConversionItem, LedgerEntry, in_minor


def settle(
    session: Session, conversion: Conversion, items: Sequence[ConversionItem], cause: Cause, now: datetime
) -> Decimal:
    """Enter what the conversion's accounts lack or have too much, and note what its lines have taken back; return by
    how much the accounts grew together."""
    assert conversion.commission is not None
    _make_whole(conversion, conversion.commission, items)
    _note_taken_back(conversion, conversion.commission, items)
    sums = select(LedgerEntry.account, func.sum(in_minor())).where(LedgerEntry.conversion_id == conversion.id)
    before = {
        Account(account): money.from_minor(int(minor), conversion.currency)
        for account, minor in session.execute(sums.group_by(LedgerEntry.account))
    }
    entered = rules.entries(before, rules.standing(conversion.commission, state_of(conversion)))
    for account, amount in entered:
        session.add(
            LedgerEntry(
                id=uuid7(),
                merchant_id=conversion.merchant_id,
                affiliate_id=conversion.affiliate_id,
                campaign_id=conversion.campaign_id,
                conversion_id=conversion.id,
                at=now,
                cause=cause,
                account=account,
                minor=money.to_minor(amount, conversion.currency),
                cents=int(amount * HUNDRED),
                currency=conversion.currency,
            )
        )
    return sum((amount for _, amount in entered), Decimal(0))


def _make_whole(conversion: Conversion, commission: Decimal, items: Sequence[ConversionItem]) -> None:
    """Round what a process of the release before has credited: it writes cents in every currency."""
    total = money.rounded(commission, conversion.currency)
    if total == commission:
        return
    conversion.commission = total
    earning = [item for item in items if item.commission is not None]
    if earning:
        parts = split(total, [item.commission or Decimal(0) for item in earning], conversion.currency)
        for item, part in zip(earning, parts, strict=True):
            item.commission = part


def _note_taken_back(conversion: Conversion, commission: Decimal, items: Sequence[ConversionItem]) -> None:
    lines = lines_of(items)
    conversion.taken_by_item = sum((line.taken_back(conversion.currency) for line in lines), Decimal(0))
    taken = refund_rules.lines_taken_back(commission, state_of(conversion), lines)
    for item, amount in zip(items, taken, strict=True):
        item.taken_back = amount


def state_of(conversion: Conversion) -> OrderState:
    return OrderState(
        OrderStatus(conversion.order_status),
        conversion.order_amount,
        conversion.currency,
        conversion.refunded,
        conversion.refunded_by_item,
        conversion.taken_by_item,
    )


def lines_of(items: Sequence[ConversionItem]) -> list[refund_rules.Line]:
    return [
        refund_rules.Line(
            item.external_id,
            item.quantity,
            item.amount,
            item.commission or Decimal(0),
            item.refunded,
            item.refunded_quantity,
        )
        for item in items
    ]
