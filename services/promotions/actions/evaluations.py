"""Finding what a basket costs, and taking its units back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.errors import Conflict, Invalid
from chassis.identity import Principal
from services.promotions import engine
from services.promotions.active import ActiveSets
from services.promotions.models import Evaluation, UnitReturn
from services.promotions.queries import active, usage
from services.promotions.queries import dry_runs as dry_run_queries
from services.promotions.queries import evaluations as queries
from services.promotions.queries.active import StoreSet
from services.promotions.rules import evaluations as rules

TRIM = 1000


def evaluate(
    session: Session, sets: ActiveSets, order: Mapping[str, Any], *, actor: Principal, now: datetime
) -> tuple[UUID | None, engine.Evaluation]:
    """What an order costs, kept under an id unless it is a dry run.

    Raises:
        Invalid: ``unknown_store``, ``unknown_product``, ``unknown_campaign`` (of a dry run), ``currency_mismatch``,
            ``at_far_away``, or an amount finer than the currency.
    """
    at = order["at"] or now
    if rules.is_far_away(at, now):
        raise Invalid.field("at", "Further than ten years from now: somebody's clock is wrong.", code="at_far_away")
    known = sets.get(session, actor.tenant_id, order["store_uid"], at=at, now=now)
    if order["currency"] not in (None, known.currency):
        message = f"Prices here are in {known.currency}."
        raise Invalid.field("currency", message, code="currency_mismatch")
    products = [line["product_uid"] for line in order["lines"]]
    _refuse_unknown(order["lines"], active.learn(session, known, products))
    tried = order["dry_run"] and dry_run_queries.campaign(session, known, order["dry_run"]["campaign_uid"], products)
    found = engine.evaluate(
        _basket(order, known),
        known.campaigns,
        at,
        strategy=known.strategy,
        left=_left(session, known, products, now),
        dry_run=tried,
    )
    sets.trim(known)
    return (None if tried else _keep(session, found, known, now)), found


def give_back(
    session: Session,
    evaluation_id: UUID,
    lines: Sequence[Mapping[str, Any]],
    *,
    preview: bool,
    now: datetime,
) -> tuple[UUID | None, engine.Evaluation, list[UnitReturn]]:
    """Take units back, and say what was paid for each.

    Args:
        lines: ``line_id`` with ``units`` by number, or a ``quantity`` of those with the largest discount.
        preview: only say, and keep nothing.

    Raises:
        NotFound: the caller has no such evaluation.
        Invalid: ``unknown_line``: it has no such line or unit.
        Conflict: ``already_returned``: fewer are left.
    """
    kept = queries.evaluation(session, evaluation_id, lock=not preview)
    found = engine.Evaluation.from_record(kept.record)
    gone: dict[str, set[int]] = {}
    for each in queries.returned(session, evaluation_id):
        gone.setdefault(each.line_id, set()).add(each.unit)
    by_id = {line.id: line for line in found.lines}
    return_id = uuid7()
    returns = []
    for number, asked in enumerate(lines):
        line = by_id.get(asked["line_id"])
        if line is None:
            raise Invalid.field(f"lines.{number}.lineId", "There is no such line.", code="unknown_line")
        units = list(line.units())
        for unit in _units(line, asked, gone.setdefault(line.id, set()), number):
            gone[line.id].add(unit)
            returns.append(
                UnitReturn(
                    tenant_id=kept.tenant_id,
                    evaluation_id=evaluation_id,
                    return_id=return_id,
                    line_id=line.id,
                    unit=unit,
                    refund=line.unit_price - units[unit].discount,
                    created_at=now,
                )
            )
    if preview:
        return None, found, returns
    session.add_all(returns)
    session.flush()
    return return_id, found, returns


def trim(session: Session, *, now: datetime) -> bool:
    """Delete some of the evaluations past their time with their returns; True while there is more."""
    old = select(Evaluation.id).where(Evaluation.created_at < now - rules.KEEP).limit(TRIM)
    ids = list(session.scalars(old.with_for_update(skip_locked=True)))
    session.execute(delete(UnitReturn).where(UnitReturn.evaluation_id.in_(ids)))
    session.execute(delete(Evaluation).where(Evaluation.id.in_(ids)))
    return len(ids) == TRIM


def _units(line: engine.LineResult, asked: Mapping[str, Any], gone: set[int], number: int) -> Sequence[int]:
    """The units of a line that a return means."""
    wanted = asked.get("units")
    if wanted is None:
        wanted = rules.next_back(line, asked["quantity"], gone)
        if len(wanted) < asked["quantity"]:
            raise Conflict(f"Of line {line.id} only {len(wanted)} can still come back.", code="already_returned")
    if any(unit >= line.quantity for unit in wanted):
        raise Invalid.field(f"lines.{number}.units", "There is no such unit.", code="unknown_line")
    if gone & set(wanted):
        raise Conflict(f"Units of line {line.id} have come back before.", code="already_returned")
    return wanted


def _refuse_unknown(lines: Sequence[Mapping[str, Any]], unknown: Sequence[str]) -> None:
    if unknown:
        missing = set(unknown)
        errors = [
            {"field": f"lines.{number}.productUid", "message": f"There is no product {line['product_uid']}."}
            for number, line in enumerate(lines)
            if line["product_uid"] in missing
        ]
        detail = f"Unknown products: {', '.join(unknown[:10])}{' …' if len(unknown) > 10 else ''}"
        raise Invalid(detail, code="unknown_product", errors=errors)


def _basket(order: Mapping[str, Any], known: StoreSet) -> engine.Basket:
    lines = []
    for number, line in enumerate(order["lines"]):
        uid, price = line["product_uid"], line["unit_price"]
        price = known.prices[uid] if price is None else price
        if price != round(price, engine.decimals(known.currency)):
            message = f"{known.currency} has no such amount."
            raise Invalid.field(f"lines.{number}.unitPrice", message)
        lines.append(engine.Line(line["line_id"], uid, line["quantity"], price, line["price_locked"]))
    return engine.Basket(
        known.currency,
        lines,
        store=known.store_uid,
        codes=frozenset(order["campaign_codes"]),
        customer_group=order["customer_group_uid"],
    )


def _left(session: Session, known: StoreSet, products: Sequence[str], now: datetime) -> dict[str, engine.Left]:
    """What campaigns with limits may still give, of those that this basket concerns."""
    if not known.limited:
        return {}
    concerned = known.campaigns.concerning(products)
    limited = {campaign: limits for campaign, limits in known.limited.items() if known.uids[campaign] in concerned}
    return {known.uids[campaign]: left for campaign, left in usage.left(session, limited, now=now).items()}


def _keep(session: Session, found: engine.Evaluation, known: StoreSet, now: datetime) -> UUID:
    evaluation_id = uuid7()
    row = {
        "id": evaluation_id,
        "tenant_id": known.tenant_id,
        "store_uid": known.store_uid,
        "record": found.to_record(),
        "created_at": now,
    }
    session.execute(insert(Evaluation), [row])
    return evaluation_id
