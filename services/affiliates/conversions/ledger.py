"""Settling a conversion: the ledger and its lines get what the rules give now."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core import money
from services.affiliates.commissions.ledger_rules import Account, Cause, entries, standing
from services.affiliates.commissions.models import LedgerEntry, in_minor
from services.affiliates.commissions.rules import split
from services.affiliates.common.terms import HUNDRED
from services.affiliates.conversions.models import Conversion, ConversionItem
from services.affiliates.conversions.queries import order_state
from services.affiliates.conversions.refund_rules import Line, lines_taken_back


def settle(
    session: Session, conversion: Conversion, items: Sequence[ConversionItem], cause: Cause, now: datetime
) -> Decimal:
    """Bring the ledger and the lines' taken-back commission to what the rules give for a credited conversion.

    The conversion's row is locked. The ledger gets the difference from what it holds.

    Returns:
        By how much the affiliate's accounts grew together.
    """
    assert conversion.commission is not None
    _round_old_commission(conversion, conversion.commission, items)
    _set_taken_back(conversion, conversion.commission, items)
    sums = select(LedgerEntry.account, func.sum(in_minor())).where(LedgerEntry.conversion_id == conversion.id)
    before = {
        Account(account): money.from_minor(int(minor), conversion.currency)
        for account, minor in session.execute(sums.group_by(LedgerEntry.account))
    }
    amounts = entries(before, standing(conversion.commission, order_state(conversion)))
    session.add_all(_entry(conversion, account, amount, cause, now) for account, amount in amounts)
    return sum((amount for _, amount in amounts), Decimal(0))


def _entry(conversion: Conversion, account: Account, amount: Decimal, cause: Cause, now: datetime) -> LedgerEntry:
    return LedgerEntry(
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


def _round_old_commission(conversion: Conversion, commission: Decimal, items: Sequence[ConversionItem]) -> None:
    """Round a commission of a process of the release before, which writes cents in every currency."""
    total = money.rounded(commission, conversion.currency)
    if total == commission:
        return
    conversion.commission = total
    earning = [item for item in items if item.commission is not None]
    if earning:
        parts = split(total, [item.commission or Decimal(0) for item in earning], conversion.currency)
        for item, part in zip(earning, parts, strict=True):
            item.commission = part


def _set_taken_back(conversion: Conversion, commission: Decimal, items: Sequence[ConversionItem]) -> None:
    lines = lines_of(items)
    conversion.taken_by_item = sum((line.taken_back(conversion.currency) for line in lines), Decimal(0))
    amounts = lines_taken_back(commission, order_state(conversion), lines)
    for item, amount in zip(items, amounts, strict=True):
        item.taken_back = amount


def lines_of(items: Sequence[ConversionItem]) -> list[Line]:
    return [
        Line(
            item.external_id,
            item.quantity,
            item.amount,
            item.commission or Decimal(0),
            item.refunded,
            item.refunded_quantity,
        )
        for item in items
    ]
