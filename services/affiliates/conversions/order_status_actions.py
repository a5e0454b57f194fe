"""Writes that follow an order: its commission is approved, held or taken back, in whole or line by line (S2-27).

The conversion's row is locked while anything about it is decided, so that a refund counts once.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core import money
from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.commissions.ledger_rules import CAUSES, Cause, OrderState, OrderStatus, remaining
from services.affiliates.conversions.events import CommissionReversed
from services.affiliates.conversions.ledger import lines_of, settle
from services.affiliates.conversions.models import Conversion, ConversionItem, Refund
from services.affiliates.conversions.queries import event_fields, items_of, lock_conversion, order_state
from services.affiliates.conversions.refund_rules import StatusReport, refund_items
from services.affiliates.conversions.rules import ConversionStatus
from services.affiliates.merchants.models import Merchant


def change_order_status(
    session: Session, external_order_id: str, report: StatusReport, *, actor: Principal, now: datetime
) -> Conversion:
    """Approve, hold or take back the commission of an order, as its status says (S2-27).

    Raises:
        NotFound: no such order of the caller's.
        Conflict: ``order_closed``, or ``refund_differs``: the same ``refund_id`` for another refund.
        Invalid: more is refunded than is left, or an amount has more decimals than the currency.
    """
    conversion = lock_conversion(session, external_order_id)
    earlier = session.get(Refund, (conversion.id, report.refund_id)) if report.refund_id else None
    report = report.in_currency(conversion.currency, stored=earlier.amount if earlier else None)
    if earlier is not None:
        _require_same(earlier, report, conversion.currency)
        return conversion
    items, before = items_of(session, conversion), order_state(conversion)
    refund = _refund_lines(conversion, items, report) if report.items else report.refund
    after = _state_after(before, report, refund, items)
    if refund is not None:
        session.add(_refund(conversion, report, refund, now))
    if after == before and not report.items:
        return conversion
    conversion.order_status, conversion.refunded = after.status, after.refunded
    audit.record(session, "conversion.followed", conversion, tenant_id=conversion.merchant_id, actor=actor, now=now)
    if conversion.status == ConversionStatus.CREDITED:
        cause = CAUSES[report.status] if refund is None else Cause.REFUNDED
        growth = settle(session, conversion, items, cause, now)
        _publish_reversed(session, conversion, growth, actor, now)
    return conversion


def _require_same(earlier: Refund, report: StatusReport, currency: str) -> None:
    """A refund may be reported again, as it was."""
    same_amount = report.refund == earlier.amount or (report.refund is None and report.items)
    same_items = [item.as_row() for item in report.items] == (earlier.items or [])
    if report.status is not OrderStatus.REFUNDED or not same_amount or not same_items:
        amount = money.written(earlier.amount, currency)
        raise Conflict(f"Another refund of {amount} was reported with that refundId.", code="refund_differs")


def _refund_lines(conversion: Conversion, items: Sequence[ConversionItem], report: StatusReport) -> Decimal:
    """Store on the lines what is refunded of them; return what is refunded of the whole order."""
    if report.status is not OrderStatus.REFUNDED:
        raise Invalid.field("items", "Allowed only with the status 'refunded'.")
    order_state(conversion).require_open()
    before = lines_of(items)
    after = refund_items(before, report.items, conversion.currency)
    by_item = sum((new.refunded - old.refunded for new, old in zip(after, before, strict=True)), Decimal(0))
    if report.refund is not None and report.refund < by_item:
        total = money.written(by_item, conversion.currency)
        raise Invalid.field("refundAmount", f"The items come to {total}, which is more.")
    for item, line in zip(items, after, strict=True):
        item.refunded, item.refunded_quantity = line.refunded, line.refunded_quantity
    conversion.refunded_by_item += by_item
    return by_item if report.refund is None else report.refund


def _state_after(
    before: OrderState, report: StatusReport, refund: Decimal | None, items: Sequence[ConversionItem]
) -> OrderState:
    after = before.after(report.status, refund)
    if report.items and after.amount == 0 and all(line.is_refunded for line in lines_of(items)):
        return before.after(report.status, None)  # an order that cost nothing is undone with its last line
    return after


def _refund(conversion: Conversion, report: StatusReport, amount: Decimal, now: datetime) -> Refund:
    return Refund(
        conversion_id=conversion.id,
        merchant_id=conversion.merchant_id,
        refund_id=report.refund_id or str(uuid7()),
        amount=amount,
        items=[item.as_row() for item in report.items] or None,
        at=now,
    )


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
