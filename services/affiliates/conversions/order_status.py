"""Following what becomes of an order: its commission is approved, held or taken back, in whole or line by line (S2-27).

The conversion's row is locked while anything about it is decided, so a refund counts once whoever reports it at the
same time.
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
from services.affiliates import queries
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.commissions import actions
from services.affiliates.commissions import ledger_rules as rules
from services.affiliates.commissions.ledger_rules import Cause, OrderStatus
from services.affiliates.conversions import events
from services.affiliates.conversions.actions import about
from services.affiliates.conversions.models import Conversion, ConversionItem, Refund
from services.affiliates.conversions.refund_rules import Line, RefundItem, refund_items
from services.affiliates.conversions.rules import ConversionStatus
from services.affiliates.merchants.models import Merchant


def change_order_status(
    session: Session,
    external_order_id: str,
    wanted: OrderStatus,
    *,
    refund: Decimal | None,
    items: Sequence[RefundItem],
    refund_id: str | None,
    actor: Principal,
    now: datetime,
) -> Conversion:
    """Follow what became of an order: approve, hold or take back its commission (S2-27).

    Args:
        refund: what is refunded now, in the order's currency; with ``items`` at least what they come to.
        items: the lines that are refunded now, each of which takes back what it earned.

    Raises:
        NotFound: no such order of the caller's.
        Conflict: ``order_closed``, or ``refund_differs``: the same ``refund_id`` for another refund.
        Invalid: more is refunded than is left, or an amount has more decimals than the currency.
    """
    conversion = queries.conversions.conversion(session, external_order_id, lock=True)
    known = session.get(Refund, (conversion.id, refund_id)) if refund_id else None
    if known is None or refund != known.amount:  # one from before D9 may be reported again as it was
        refund = None if refund is None else in_currency(refund, conversion.currency, "refundAmount")
    items = _in_order_currency(conversion, items)
    if known is not None:
        _require_same(known, conversion, wanted, refund, items)
        return conversion
    lines = queries.conversions.items(session, conversion)
    before = actions.state_of(conversion)
    if items:
        refund = _refund_lines(conversion, lines, wanted, refund, items)
    after = before.after(wanted, refund)
    if items and after.amount == 0 and all(line.is_refunded for line in actions.lines_of(lines)):
        after = before.after(wanted, None)
    if refund is not None:
        session.add(_refund(conversion, refund_id, refund, items, now))
    if after == before and not items:
        return conversion
    conversion.order_status, conversion.refunded = after.status, after.refunded
    audit.record(session, "conversion.followed", conversion, tenant_id=conversion.merchant_id, actor=actor, now=now)
    if conversion.status == ConversionStatus.CREDITED:
        cause = Cause.REFUNDED if refund is not None else rules.CAUSES[wanted]
        _publish_reversed(session, conversion, actions.settle(session, conversion, lines, cause, now), actor, now)
    return conversion


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
    known: Refund,
    conversion: Conversion,
    wanted: OrderStatus,
    refund: Decimal | None,
    items: Sequence[RefundItem],
) -> None:
    """A refund that was reported before may be reported again, as it was."""
    same_amount = refund == known.amount or (refund is None and items)
    if wanted is not OrderStatus.REFUNDED or not same_amount or _as_rows(items) != (known.items or []):
        amount = money.written(known.amount, conversion.currency)
        raise Conflict(f"Another refund of {amount} was reported with that refundId.", code="refund_differs")


def _refund_lines(
    conversion: Conversion,
    lines: Sequence[ConversionItem],
    wanted: OrderStatus,
    refund: Decimal | None,
    items: Sequence[RefundItem],
) -> Decimal:
    """Note on the lines what is refunded of them; return what is refunded of the order, as far as lines are named and
    beyond."""
    if wanted is not OrderStatus.REFUNDED:
        raise Invalid.field("items", "Go with the status 'refunded' only.")
    actions.state_of(conversion).require_open()
    before = actions.lines_of(lines)
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


def _publish_reversed(session: Session, conversion: Conversion, grew: Decimal, actor: Principal, now: datetime) -> None:
    if grew >= 0:
        return
    assert conversion.commission is not None
    merchant = session.get_one(Merchant, conversion.merchant_id)
    campaign = session.get_one(Campaign, conversion.campaign_id)
    affiliate = session.get_one(Affiliate, conversion.affiliate_id)
    reversal = events.CommissionReversed(
        **about(conversion, merchant, campaign, affiliate),
        reversed=-grew,
        remaining=rules.remaining(conversion.commission, actions.state_of(conversion)),
        order_status=conversion.order_status,
    )
    outbox.add(session, conversion, reversal, tenants=(merchant.id,), actor=actor, now=now)
