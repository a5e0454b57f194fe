"""Taking orders in and weighing them; and the ledger, which says what is owed.

A conversion's row is locked while anything about it is decided, so one order is credited once whoever asks at the same
time. The ledger gets the difference between what the rules give now and what it holds (``rules.ledger``).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.principal import Principal
from chassis.data.bulk import insert_ignoring
from chassis.messaging import outbox
from services.affiliates import queries
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.commissions import actions
from services.affiliates.commissions.ledger_rules import Cause, OrderStatus
from services.affiliates.conversions import events
from services.affiliates.conversions.attribution import Verdict
from services.affiliates.conversions.models import Conversion, ConversionItem
from services.affiliates.conversions.queries import Told
from services.affiliates.conversions.rules import (
    ASK_AGAIN,
    SELF_REFERRAL,
    SETTLE,
    ConversionStatus,
    Flag,
    Order,
    OrderLine,
    as_row,
    is_too_soon,
)
from services.affiliates.merchants import actions as merchants_actions
from services.affiliates.merchants.models import Merchant

ACCEPTED, DUPLICATE = "ACCEPTED", "DUPLICATE"
Hash = Callable[[str], str]


def report_order(
    session: Session,
    external_order_id: str,
    order: Order,
    *,
    flags: Sequence[Flag],
    actor: Principal,
    now: datetime,
) -> str:
    """Take an order in, to be weighed a moment later; the same one again is a duplicate and changes nothing (S2-25)."""
    merchant = merchants_actions.of(session, actor, now)
    merchants_actions.settle_currency(session, merchant, order.currency, actor=actor, now=now)
    row = {
        "id": uuid7(),
        "merchant_id": actor.tenant_id,
        "external_order_id": external_order_id,
        "order_amount": order.amount,
        "currency": order.currency,
        "named_click_id": order.click_id,
        "visitor_id": order.visitor_id,
        "buyer_hash": order.buyer_hash,
        "occurred_at": order.occurred_at,
        "received_at": now,
        "due_at": now + SETTLE,
        "status": ConversionStatus.ACCEPTED,
        "order_status": OrderStatus.PENDING,
        "refunded": Decimal(0),
        "flags": [asdict(flag) for flag in flags],
        "event_sequence": 0,
    }
    if not insert_ignoring(session, Conversion, [row]):
        return DUPLICATE
    lines = [
        {"conversion_id": row["id"], "merchant_id": actor.tenant_id, "position": position, **asdict(line)}
        for position, line in enumerate(order.lines)
    ]
    if lines:
        session.execute(insert(ConversionItem), lines)
    return ACCEPTED


def weigh_conversion(session: Session, conversion: Conversion, *, hash_of: Hash, now: datetime) -> None:
    """Decide about an order that was taken in, once and for ever. The row is locked.

    A click that the order names may still be on its way into the database; then it is looked at again a little later.

    Args:
        hash_of: how an address becomes a ``buyer_hash``.
    """
    named = conversion.named_click_id
    merchant = session.get_one(Merchant, conversion.merchant_id)
    too_soon = is_too_soon(now, conversion.received_at)
    if named and too_soon and not queries.attribution.knows_click(session, merchant.id, named):
        conversion.due_at = now + ASK_AGAIN
        return
    items = queries.conversions.items(session, conversion)
    verdict = queries.attribution.weigh(session, merchant, order_of(conversion, items))
    _note(conversion, items, verdict, hash_of, now)
    actor = Principal.system("affiliates")
    if conversion.commission is None:
        refused = events.ConversionRefused(**_told(conversion, merchant, verdict), reason=verdict.reason)
        outbox.add(session, conversion, refused, tenants=(merchant.id,), actor=actor, now=now)
        return
    actions.settle(session, conversion, items, Cause.CREDITED, now)
    credited = events.ConversionCredited(
        **_told(conversion, merchant, verdict),
        commission=conversion.commission,
        commission_level=str(conversion.commission_level),
        order_status=conversion.order_status,
    )
    outbox.add(session, conversion, credited, tenants=(merchant.id,), actor=actor, now=now)


def preview(
    session: Session,
    merchant: Merchant,
    external_order_id: str,
    order: Order,
    *,
    flags: Sequence[Flag],
    hash_of: Hash,
    now: datetime,
) -> Told:
    """What would be decided about an order; nothing is kept."""
    conversion = Conversion(
        id=uuid7(),
        merchant_id=merchant.id,
        external_order_id=external_order_id,
        order_amount=order.amount,
        currency=order.currency,
        buyer_hash=order.buyer_hash,
        occurred_at=order.occurred_at,
        order_status=OrderStatus.PENDING,
        refunded=Decimal(0),
        refunded_by_item=Decimal(0),
        taken_by_item=Decimal(0),
        flags=[asdict(flag) for flag in flags],
    )
    items = [
        ConversionItem(
            position=position, refunded=Decimal(0), refunded_quantity=0, taken_back=Decimal(0), **asdict(line)
        )
        for position, line in enumerate(order.lines)
    ]
    verdict = queries.attribution.weigh(session, merchant, order)
    _note(conversion, items, verdict, hash_of, now)
    return Told(conversion, items)


def order_of(conversion: Conversion, items: Sequence[ConversionItem]) -> Order:
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


def _note(
    conversion: Conversion, items: Sequence[ConversionItem], verdict: Verdict, hash_of: Hash, now: datetime
) -> None:
    """Write the decision down."""
    conversion.weighed_at, conversion.reason = now, verdict.reason
    flags = list(verdict.flags)
    if verdict.affiliate and conversion.buyer_hash and conversion.buyer_hash == hash_of(verdict.affiliate.email_key):
        flags.append(SELF_REFERRAL)
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
    conversion.unapplied = [as_row(unapplied) for unapplied in verdict.commission.unapplied] or None
    for item, share in zip(items, verdict.commission.shares, strict=True):
        item.commission, item.level = share.commission, share.level


def _told(conversion: Conversion, merchant: Merchant, verdict: Verdict) -> dict[str, Any]:
    return about(conversion, merchant, verdict.campaign, verdict.affiliate)


def about(
    conversion: Conversion, merchant: Merchant, campaign: Campaign | None, affiliate: Affiliate | None
) -> dict[str, Any]:
    return {
        "conversion_id": conversion.id,
        "external_order_id": conversion.external_order_id,
        "merchant_id": merchant.id,
        "merchant_name": merchant.name,
        "campaign_id": campaign and campaign.id,
        "campaign_title": campaign and campaign.title,
        "affiliate_id": affiliate and affiliate.id,
        "affiliate_name": affiliate and affiliate.name,
        "affiliate_email": affiliate and affiliate.email,
        "click_id": conversion.click_id,
        "currency": conversion.currency,
    }
