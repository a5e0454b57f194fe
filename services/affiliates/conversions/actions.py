"""Writes to conversions: recording an order, weighing it, previewing the decision.

A conversion's row is locked while anything about it is decided, so that an order is credited once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.emails import address_key
from chassis.core.principal import Principal
from chassis.data.bulk import insert_ignoring
from chassis.messaging import outbox
from services.affiliates.clicks.visitors import Tampered, Visitors
from services.affiliates.commissions.ledger_rules import Cause, OrderStatus
from services.affiliates.common.terms import Terms
from services.affiliates.conversions import rules
from services.affiliates.conversions.attribution import Verdict, knows_click, weigh
from services.affiliates.conversions.events import ConversionCredited, ConversionRefused
from services.affiliates.conversions.ledger import settle
from services.affiliates.conversions.models import Conversion, ConversionItem
from services.affiliates.conversions.queries import ConversionView, event_fields, items_of
from services.affiliates.conversions.rules import ConversionStatus, Order, OrderLine, OrderReport
from services.affiliates.merchant_settings.actions import adopt_currency
from services.affiliates.merchants.models import Merchant
from services.affiliates.merchants.queries import merchant as merchant_of_caller

ACCEPTED, DUPLICATE = "ACCEPTED", "DUPLICATE"
SYSTEM = Principal.system("affiliates")
Hash = Callable[[str], str]


def read_report(body: Mapping[str, Any], *, visitors: Visitors, hash_of: Hash, now: datetime) -> OrderReport:
    """The order in a request. A visitor or click id that we did not give out is ignored and flagged.

    Args:
        body: as ``ConversionIn`` loads it.
        hash_of: makes a ``buyer_hash`` of an address.
    """
    flags = []
    visitor = click_id = None
    try:
        visitor = visitors.read(body["visitor"], now) if body["visitor"] else None
    except Tampered:
        flags.append(rules.TAMPERED_VISITOR)
    try:
        click_id = UUID(body["click_id"]) if body["click_id"] else None
    except ValueError:
        flags.append(rules.MALFORMED_CLICK)
    email = body["customer_email"]
    order = Order(
        amount=body["order_amount"],
        currency=body["currency"],
        occurred_at=body["occurred_at"] or now,
        received_at=now,
        click_id=click_id,
        visitor_id=visitor.id if visitor else None,
        buyer_hash=hash_of(address_key(email)) if email else None,
        lines=[OrderLine(**item) for item in body["items"]],
    )
    return OrderReport(body["external_order_id"], order, flags)


def report_order(session: Session, report: OrderReport, *, actor: Principal, now: datetime) -> dict[str, str]:
    """Record an order, to be weighed a moment later. The same order again is a duplicate, which changes nothing
    (S2-25)."""
    adopt_currency(session, report.order.currency, actor=actor, now=now)
    row = _row(report, actor.tenant_id) | {"due_at": now + rules.SETTLE}
    is_new = insert_ignoring(session, Conversion, [row]) > 0
    lines = [
        {"conversion_id": row["id"], "merchant_id": actor.tenant_id, "position": position, **asdict(line)}
        for position, line in enumerate(report.order.lines)
    ]
    if is_new and lines:
        session.execute(insert(ConversionItem), lines)
    return {"external_order_id": report.external_order_id, "status": ACCEPTED if is_new else DUPLICATE}


def weigh_conversion(
    session: Session, conversion: Conversion, *, platform: Terms, hash_of: Hash, now: datetime
) -> None:
    """Decide about a recorded order for good. Its row is locked.

    A click that the order names may still be on its way into the database; then the order is weighed a little later.

    Args:
        platform: the commission if no other level defines one.
        hash_of: makes a ``buyer_hash`` of an address.
    """
    named = conversion.named_click_id
    merchant = session.get_one(Merchant, conversion.merchant_id)
    if named and now < conversion.received_at + rules.PATIENCE and not knows_click(session, merchant.id, named):
        conversion.due_at = now + rules.RETRY
        return
    items = items_of(session, conversion)
    verdict = weigh(session, merchant, _order_of(conversion, items), platform)
    _apply(verdict, conversion, items, hash_of, now)
    if conversion.commission is not None:
        settle(session, conversion, items, Cause.CREDITED, now)
    _publish(session, conversion, merchant, verdict, now)


def preview(session: Session, report: OrderReport, *, platform: Terms, hash_of: Hash, now: datetime) -> ConversionView:
    """What would be decided about an order of the caller's. Nothing is stored."""
    merchant, nothing = merchant_of_caller(session, now), Decimal(0)
    conversion = Conversion(**_row(report, merchant.id), refunded_by_item=nothing, taken_by_item=nothing)
    items = [
        ConversionItem(
            position=position,
            currency=conversion.currency,
            refunded=nothing,
            refunded_quantity=0,
            taken_back=nothing,
            **asdict(line),
        )
        for position, line in enumerate(report.order.lines)
    ]
    _apply(weigh(session, merchant, report.order, platform), conversion, items, hash_of, now)
    return ConversionView(conversion, items)


def _row(report: OrderReport, merchant_id: UUID) -> dict[str, Any]:
    order = report.order
    return {
        "id": uuid7(),
        "merchant_id": merchant_id,
        "external_order_id": report.external_order_id,
        "order_amount": order.amount,
        "currency": order.currency,
        "named_click_id": order.click_id,
        "visitor_id": order.visitor_id,
        "buyer_hash": order.buyer_hash,
        "occurred_at": order.occurred_at,
        "received_at": order.received_at,
        "status": ConversionStatus.ACCEPTED,
        "order_status": OrderStatus.PENDING,
        "refunded": Decimal(0),
        "flags": [asdict(flag) for flag in report.flags],
        "event_sequence": 0,
    }


def _order_of(conversion: Conversion, items: Sequence[ConversionItem]) -> Order:
    return Order(
        amount=conversion.order_amount,
        currency=conversion.currency,
        occurred_at=conversion.occurred_at,
        received_at=conversion.received_at,
        click_id=conversion.named_click_id,
        visitor_id=conversion.visitor_id,
        buyer_hash=conversion.buyer_hash,
        lines=[OrderLine(item.external_id, item.quantity, item.amount) for item in items],
    )


def _apply(
    verdict: Verdict, conversion: Conversion, items: Sequence[ConversionItem], hash_of: Hash, now: datetime
) -> None:
    """Store the decision in the conversion and its lines."""
    conversion.weighed_at, conversion.reason = now, verdict.reason
    flags = list(verdict.flags)
    if verdict.affiliate and conversion.buyer_hash and conversion.buyer_hash == hash_of(verdict.affiliate.email_key):
        flags.append(rules.SELF_REFERRAL)
    conversion.flags = [*conversion.flags, *(asdict(flag) for flag in flags)]
    if click := verdict.click:
        conversion.click_id, conversion.clicked_at = click.id, click.clicked_at
        conversion.window_days, conversion.link_id = click.window_days, click.link_id
        conversion.campaign_id, conversion.affiliate_id = click.campaign_id, click.affiliate_id
    if verdict.commission is None:
        conversion.status = ConversionStatus.REFUSED
        return
    conversion.status = ConversionStatus.CREDITED
    conversion.commission, conversion.commission_level = verdict.commission.total, verdict.commission.level
    conversion.unapplied = [rules.as_row(unapplied) for unapplied in verdict.commission.unapplied] or None
    for item, share in zip(items, verdict.commission.shares, strict=True):
        item.commission, item.level = share.commission, share.level


def _publish(session: Session, conversion: Conversion, merchant: Merchant, verdict: Verdict, now: datetime) -> None:
    fields = event_fields(conversion, merchant, verdict.campaign, verdict.affiliate)
    event: ConversionCredited | ConversionRefused
    if conversion.commission is None:
        event = ConversionRefused(**fields, reason=verdict.reason)
    else:
        event = ConversionCredited(
            **fields,
            commission=conversion.commission,
            commission_level=str(conversion.commission_level),
            order_status=conversion.order_status,
        )
    outbox.add(session, conversion, event, tenants=(merchant.id,), actor=SYSTEM, now=now)
