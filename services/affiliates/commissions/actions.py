"""Writes to the ledger: the difference between what the rules give now and what it holds."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core import money
from services.affiliates.commissions.ledger_rules import Account, Cause, OrderState, entries, standing
from services.affiliates.commissions.models import LedgerEntry, in_minor
from services.affiliates.common.terms import HUNDRED


def settle(
    session: Session,
    commission: Decimal,
    order: OrderState,
    cause: Cause,
    *,
    now: datetime,
    conversion_id: UUID,
    **owner: UUID | None,
) -> Decimal:
    """Enter what the accounts of a conversion lack or hold too much. The conversion's row is locked.

    Args:
        owner: ``merchant_id``, ``affiliate_id`` and ``campaign_id`` of the entries.

    Returns:
        By how much both accounts grew together.
    """
    sums = select(LedgerEntry.account, func.sum(in_minor())).where(LedgerEntry.conversion_id == conversion_id)
    before = {
        Account(account): money.from_minor(int(minor), order.currency)
        for account, minor in session.execute(sums.group_by(LedgerEntry.account))
    }
    amounts = entries(before, standing(commission, order))
    for account, amount in amounts:
        session.add(
            LedgerEntry(
                id=uuid7(),
                conversion_id=conversion_id,
                at=now,
                cause=cause,
                account=account,
                minor=money.to_minor(amount, order.currency),
                cents=int(amount * HUNDRED),
                currency=order.currency,
                **owner,
            )
        )
    return sum((amount for _, amount in amounts), Decimal(0))
