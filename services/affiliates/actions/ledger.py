"""The ledger of commission: it gets the difference between what the rules give now and what it holds."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from services.affiliates.models import Conversion, LedgerEntry
from services.affiliates.rules import ledger as rules
from services.affiliates.rules.commission import CENT, HUNDRED
from services.affiliates.rules.ledger import Account, Cause, OrderState, OrderStatus


def settle(session: Session, conversion: Conversion, cause: Cause, now: datetime) -> Decimal:
    """Enter what the conversion's accounts lack or have too much; return by how much they grew together."""
    assert conversion.commission is not None
    held = select(LedgerEntry.account, func.sum(LedgerEntry.cents)).where(LedgerEntry.conversion_id == conversion.id)
    before = {Account(account): cents * CENT for account, cents in session.execute(held.group_by(LedgerEntry.account))}
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
                cents=int(amount * HUNDRED),
                currency=conversion.currency,
            )
        )
    return sum((amount for _, amount in entered), Decimal(0))


def state_of(conversion: Conversion) -> OrderState:
    return OrderState(OrderStatus(conversion.order_status), conversion.order_amount, conversion.refunded)
