"""Finding what a basket costs, and taking its units back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.database import Database
from chassis.errors import Conflict, Invalid, Upstream
from chassis.identity import Principal
from services.promotions import engine
from services.promotions.active import ActiveSets
from services.promotions.keeper import Keeper
from services.promotions.models import Evaluation, UnitReturn
from services.promotions.queries import active, usage
from services.promotions.queries import dry_runs as dry_run_queries
from services.promotions.queries import evaluations as queries
from services.promotions.queries.active import StoreSet
from services.promotions.rules import evaluations as rules

TRIES = 5
TRIM = 1000
FINEST = 2
"""Decimals an amount has at most, whatever its currency (``chassis.schemas.Amount``, ``chassis.columns.Money``)."""


def evaluate(
    database: Database,
    sets: ActiveSets,
    keeper: Keeper,
    order: Mapping[str, Any],
    *,
    actor: Principal,
    now: datetime,
) -> tuple[UUID | None, engine.Evaluation]:
    """What an order costs, kept under an id unless it is a dry run.

    Unlike other actions it owns its transactions. Mostly there is nothing to read: the set of the store is at hand, and
    the answer is kept only if the set still is of the present; else all is done again.

    Raises:
        Invalid: ``unknown_store``, ``unknown_product``, ``unknown_campaign`` (of a dry run), ``currency_mismatch``,
            ``at_far_away``, or an amount finer than the currency.
        Upstream: ``database_busy``: campaigns change faster than an evaluation takes.
    """
    at = order["at"] or now
    if rules.is_far_away(at, now):
        raise Invalid.field("at", "Further than ten years from now: somebody's clock is wrong.", code="at_far_away")
    must_read = order["dry_run"] is not None
    for _ in range(TRIES):
        asked = _at_hand(sets, order, at, actor) if not must_read else None
        if asked is None:
            must_read = True
            with database.read() as session:
                asked = _read(session, sets, order, at=at, actor=actor, now=now)
        try:
            found = asked.evaluate(order, at)
        except Invalid:
            if must_read:
                raise
            must_read = True  # it may be right by now
            continue
        sets.trim(asked.known)
        if asked.dry_run:
            return None, found
        row = _row(found, asked.known, now)
        if keeper.keep(database, row, asked.known.stamp):
            return row["id"], found
        must_read = True
    raise Upstream("Campaigns change faster than this can be evaluated.", code="database_busy", retry_after=1)


@dataclass(frozen=True)
class _Asked:
    """All that an order is evaluated with."""

    known: StoreSet
    left: Mapping[str, engine.Left] = field(default_factory=dict)
    dry_run: engine.Campaign | None = None

    def evaluate(self, order: Mapping[str, Any], at: datetime) -> engine.Evaluation:
        known = self.known
        if order["currency"] not in (None, known.currency):
            message = f"Prices here are in {known.currency}."
            raise Invalid.field("currency", message, code="currency_mismatch")
        basket = _basket(order, known)
        return engine.evaluate(
            basket, known.campaigns, at, strategy=known.strategy, left=self.left, dry_run=self.dry_run
        )


def _at_hand(sets: ActiveSets, order: Mapping[str, Any], at: datetime, actor: Principal) -> _Asked | None:
    """What this process knows, where that is all an order needs."""
    known = sets.known(actor.tenant_id, order["store_uid"], at=at)
    if known is None or not all(line["product_uid"] in known.prices for line in order["lines"]):
        return None
    return None if known.concerned([line["product_uid"] for line in order["lines"]]) else _Asked(known)


def _read(
    session: Session, sets: ActiveSets, order: Mapping[str, Any], *, at: datetime, actor: Principal, now: datetime
) -> _Asked:
    """What an order needs, as it is now."""
    known = sets.get(session, actor.tenant_id, order["store_uid"], at=at, now=now)
    products = [line["product_uid"] for line in order["lines"]]
    _refuse_unknown(order["lines"], active.learn(session, known, products))
    left = usage.left(session, known.concerned(products), now=now)
    tried = order["dry_run"] and dry_run_queries.campaign(session, known, order["dry_run"]["campaign_uid"], products)
    return _Asked(known, {known.uids[campaign]: each for campaign, each in left.items()}, tried or None)


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
    lines, places, total = [], engine.decimals(known.currency), Decimal(0)
    for number, line in enumerate(order["lines"]):
        uid, price = line["product_uid"], line["unit_price"]
        price = known.prices[uid] if price is None else price
        if places < FINEST and price != round(price, places):
            raise Invalid.field(f"lines.{number}.unitPrice", f"{known.currency} has no such amount.")
        lines.append(engine.Line(line["line_id"], uid, line["quantity"], price, line["price_locked"]))
        total += line["quantity"] * price
    if total > rules.MAX_TOTAL:
        raise Invalid.field("lines", f"An order can cost {rules.MAX_TOTAL:f} at most.")
    return engine.Basket(
        known.currency,
        lines,
        store=known.store_uid,
        codes=frozenset(order["campaign_codes"]),
        customer_group=order["customer_group_uid"],
    )


def _row(found: engine.Evaluation, known: StoreSet, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "store_uid": known.store_uid,
        "record": found.to_record(),
        "created_at": now,
        "tenant_id": known.tenant_id,
    }
