"""Writes that follow an order: its commission is approved, held or taken back, in whole or line by line (S2-27).

The conversion's row is locked while anything about it is decided, so that a refund counts once.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core import money
from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.http.schemas import in_currency
from chassis.messaging import outbox
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.commissions.ledger_rules import CAUSES, Cause, OrderState, OrderStatus, remaining
from services.affiliates.conversions.events import CommissionReversed
from services.affiliates.conversions.ledger import lines_of, settle
from services.affiliates.conversions.models import Conversion, ConversionItem, Refund
from services.affiliates.conversions.queries import event_fields, get_conversion, items_of, order_state
from services.affiliates.conversions.refund_rules import Line, RefundItem, refund_items
from services.affiliates.conversions.rules import ConversionStatus
from services.affiliates.merchants.models import Merchant


def change_order_status(
    session: Session,
    external_order_id: str,
    *,
    status: OrderStatus,
    refund_amount: Decimal | None,
    items: Sequence[RefundItem],
    refund_id: str | None,
    actor: Principal,
    now: datetime,
) -> Conversion:
    """Approve, hold or take back the commission of an order, as its status says (S2-27).

    Args:
        refund_amount: what is refunded now, in the order's currency; with ``items`` at least what they come to.
        items: the lines that are refunded now. Each takes back what it earned.

    Raises:
        NotFound: no such order of the caller's.
        Conflict: ``order_closed``, or ``refund_differs``: the same ``refund_id`` for another refund.
        Invalid: more is refunded than is left, or an amount has more decimals than the currency.
    """
    conversion = lock_conversion(session, external_order_id)
    repeated = session.get(Refund, (conversion.id, refund_id)) if refund_id else None
    refund = refund_amount
    if repeated is None or refund != repeated.amount:  # a refund from before D9 may be repeated as it was
        refund = None if refund is None else in_currency(refund, conversion.currency, "refundAmount")
    items = _in_order_currency(conversion, items)
    if repeated is not None:
        _require_same(repeated, conversion, status, refund, items)
        return conversion
    lines = items_of(session, conversion)
    before = order_state(conversion)
    if items:
        refund = _refund_lines(conversion, lines, status, refund, items)
    after = _state_after(before, status, refund, items, lines)
    if refund is not None:
        session.add(_refund(conversion, refund_id, refund, items, now))
    if after == before and not items:
        return conversion
    conversion.order_status, conversion.refunded = after.status, after.refunded
    audit.record(session, "conversion.followed", conversion, tenant_id=conversion.merchant_id, actor=actor, now=now)
    if conversion.status == ConversionStatus.CREDITED:
        growth = settle(session, conversion, lines, Cause.REFUNDED if refund is not None else CAUSES[status], now)
        _publish_reversed(session, conversion, growth, actor, now)
    return conversion


def lock_conversion(session: Session, external_order_id: str) -> Conversion:
    """One of the caller's conversions, under a row lock.

    Raises:
        NotFound: no such order was reported.
    """
    return get_conversion(session, external_order_id, lock=True)


def _state_after(
    before: OrderState,
    status: OrderStatus,
    refund: Decimal | None,
    items: Sequence[RefundItem],
    lines: Sequence[ConversionItem],
) -> OrderState:
    after = before.after(status, refund)
    if items and after.amount == 0 and all(line.is_refunded for line in lines_of(lines)):
        return before.after(status, None)  # an order that cost nothing is undone with its last line
    return after


def _in_order_currency(conversion: Conversion, items: Sequence[RefundItem]) -> list[RefundItem]:
    """The items of a request, their amounts with the decimals of the order's currency (D9)."""
    currency = conversion.currency
    return [
        RefundItem(
            item.external_id,
            item.quantity,
            None if item.amount is None else in_currency(item.amount, currency, f"items.{number}.amount"),
        )
        for number, item in enumerate(items)
    ]


def _require_same(
    repeated: Refund,
    conversion: Conversion,
    status: OrderStatus,
    refund: Decimal | None,
    items: Sequence[RefundItem],
) -> None:
    """A refund may be reported again, as it was."""
    same_amount = refund == repeated.amount or (refund is None and items)
    if status is not OrderStatus.REFUNDED or not same_amount or _as_rows(items) != (repeated.items or []):
        amount = money.written(repeated.amount, conversion.currency)
        raise Conflict(f"Another refund of {amount} was reported with that refundId.", code="refund_differs")


def _refund_lines(
    conversion: Conversion,
    lines: Sequence[ConversionItem],
    status: OrderStatus,
    refund: Decimal | None,
    items: Sequence[RefundItem],
) -> Decimal:
    """Store on the lines what is refunded of them; return what is refunded of the whole order."""
    if status is not OrderStatus.REFUNDED:
        raise Invalid.field("items", "Go with the status 'refunded' only.")
    order_state(conversion).require_open()
    before = lines_of(lines)
    after: list[Line] = refund_items(before, items, conversion.currency)
    by_item = sum((new.refunded - old.refunded for new, old in zip(after, before, strict=True)), Decimal(0))
    if refund is not None and refund < by_item:
        total = money.written(by_item, conversion.currency)
        raise Invalid.field("refundAmount", f"The items come to {total}, which is more.")
    for line, new in zip(lines, after, strict=True):
        line.refunded, line.refunded_quantity = new.refunded, new.refunded_quantity
    conversion.refunded_by_item += by_item
    return by_item if refund is None else refund


def _refund(
    conversion: Conversion, refund_id: str | None, amount: Decimal, items: Sequence[RefundItem], now: datetime
) -> Refund:
    return Refund(
        conversion_id=conversion.id,
        merchant_id=conversion.merchant_id,
        refund_id=refund_id or str(uuid7()),
        amount=amount,
        items=_as_rows(items) or None,
        at=now,
    )


def _as_rows(items: Sequence[RefundItem]) -> list[dict[str, Any]]:
    return [
        {
            "externalId": item.external_id,
            "quantity": item.quantity,
            "amount": None if item.amount is None else str(item.amount),
        }
        for item in items
    ]


def _publish_reversed(
    session: Session, conversion: Conversion, growth: Decimal, actor: Principal, now: datetime
) -> None:
    if growth >= 0:
        return
    assert conversion.commission is not None
    merchant = session.get_one(Merchant, conversion.merchant_id)
    campaign = session.get_one(Campaign, conversion.campaign_id)
    affiliate = session.get_one(Affiliate, conversion.affiliate_id)
    event = CommissionReversed(
        **event_fields(conversion, merchant, campaign, affiliate),
        reversed=-growth,
        remaining=remaining(conversion.commission, order_state(conversion)),
        order_status=conversion.order_status,
    )
    outbox.add(session, conversion, event, tenants=(merchant.id,), actor=actor, now=now)
