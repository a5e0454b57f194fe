"""Taking orders in, weighing them, following what becomes of them; and the ledger, which says what is owed.

A conversion's row is locked while anything about it is decided, so one order is credited once whoever asks at the same
time. The ledger gets the difference between what the rules give now and what it holds (``rules.ledger``).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis import audit, outbox
from chassis.database import insert_ignoring
from chassis.errors import Conflict
from chassis.identity import Principal
from services.affiliates import events, queries
from services.affiliates.actions import ledger, merchants
from services.affiliates.models import (
    Affiliate,
    Campaign,
    Conversion,
    ConversionItem,
    Merchant,
    Refund,
)
from services.affiliates.queries.attribution import Verdict
from services.affiliates.queries.conversions import Told
from services.affiliates.rules import ledger as money
from services.affiliates.rules.conversions import (
    ASK_AGAIN,
    SELF_REFERRAL,
    SETTLE,
    ConversionStatus,
    Flag,
    Order,
    OrderLine,
    is_too_soon,
)
from services.affiliates.rules.ledger import Cause, OrderStatus

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
    merchants.of(session, actor, now)
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
    items = _items(session, conversion)
    verdict = queries.attribution.weigh(session, merchant, order_of(conversion, items))
    _note(conversion, items, verdict, hash_of, now)
    actor = Principal.system("affiliates")
    if conversion.commission is None:
        refused = events.ConversionRefused(**_told(conversion, merchant, verdict), reason=verdict.reason)
        outbox.add(session, conversion, refused, tenants=(merchant.id,), actor=actor, now=now)
        return
    ledger.settle(session, conversion, Cause.CREDITED, now)
    credited = events.ConversionCredited(
        **_told(conversion, merchant, verdict),
        commission=conversion.commission,
        commission_level=str(conversion.commission_level),
        order_status=conversion.order_status,
    )
    outbox.add(session, conversion, credited, tenants=(merchant.id,), actor=actor, now=now)


def change_order_status(
    session: Session,
    external_order_id: str,
    wanted: OrderStatus,
    *,
    refund: Decimal | None,
    refund_id: str | None,
    actor: Principal,
    now: datetime,
) -> Conversion:
    """Follow what became of an order: approve, hold or take back its commission (S2-27).

    Raises:
        NotFound: no such order of the caller's.
        Conflict: ``order_closed``, or ``refund_differs``: the same ``refund_id`` with another amount.
        Invalid: more is refunded than is left.
    """
    conversion = queries.conversions.conversion(session, external_order_id, lock=True)
    known = session.get(Refund, (conversion.id, refund_id)) if refund_id else None
    if known is not None:
        if (wanted, refund) != (OrderStatus.REFUNDED, known.amount):
            raise Conflict(f"That refund was reported before, with {known.amount}.", code="refund_differs")
        return conversion
    before = ledger.state_of(conversion)
    after = before.after(wanted, refund)
    if refund is not None:
        kept = {"conversion_id": conversion.id, "merchant_id": conversion.merchant_id, "amount": refund, "at": now}
        session.add(Refund(**kept, refund_id=refund_id or str(uuid7())))
    if after == before:
        return conversion
    conversion.order_status, conversion.refunded = after.status, after.refunded
    audit.record(session, "conversion.followed", conversion, tenant_id=conversion.merchant_id, actor=actor, now=now)
    if conversion.status == ConversionStatus.CREDITED:
        cause = Cause.REFUNDED if refund is not None else money.CAUSES[wanted]
        _tell_reversed(session, conversion, ledger.settle(session, conversion, cause, now), actor, now)
    return conversion


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
        flags=[asdict(flag) for flag in flags],
    )
    items = [ConversionItem(position=position, **asdict(line)) for position, line in enumerate(order.lines)]
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


def _items(session: Session, conversion: Conversion) -> Sequence[ConversionItem]:
    statement = select(ConversionItem).where(ConversionItem.conversion_id == conversion.id)
    return session.scalars(statement.order_by(ConversionItem.position)).all()


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
    for item, share in zip(items, verdict.commission.shares, strict=True):
        item.commission, item.level = share.commission, share.level


def _told(conversion: Conversion, merchant: Merchant, verdict: Verdict) -> dict[str, Any]:
    return _about(conversion, merchant, verdict.campaign, verdict.affiliate)


def _about(
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


def _tell_reversed(session: Session, conversion: Conversion, grew: Decimal, actor: Principal, now: datetime) -> None:
    if grew >= 0:
        return
    assert conversion.commission is not None
    merchant = session.get_one(Merchant, conversion.merchant_id)
    campaign = session.get_one(Campaign, conversion.campaign_id)
    affiliate = session.get_one(Affiliate, conversion.affiliate_id)
    told = events.CommissionReversed(
        **_about(conversion, merchant, campaign, affiliate),
        reversed=-grew,
        remaining=money.remaining(conversion.commission, ledger.state_of(conversion)),
        order_status=conversion.order_status,
    )
    outbox.add(session, conversion, told, tenants=(merchant.id,), actor=actor, now=now)
