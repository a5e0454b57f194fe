"""Evaluates orders: finds what a basket costs and stores the answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core import money
from chassis.core.errors import Invalid, Upstream
from chassis.core.principal import Principal
from chassis.data.database import Database
from services.promotions import engine
from services.promotions.evaluations import (
    dry_run_queries,
    product_queries,
    return_actions,
    rules,
    store_set_queries,
    usage_queries,
)
from services.promotions.evaluations.campaign_cache import CampaignCache
from services.promotions.evaluations.models import Evaluation, UnitReturn
from services.promotions.evaluations.store_set_queries import StoreSet
from services.promotions.evaluations.writer import EvaluationWriter

TRIES = 5
TRIM = 1000


def evaluate(
    database: Database,
    cache: CampaignCache,
    writer: EvaluationWriter,
    order: Mapping[str, Any],
    *,
    actor: Principal,
    now: datetime,
) -> tuple[UUID | None, engine.Evaluation]:
    """Evaluate an order; return the id it is stored under, None for a dry run, and what it costs.

    Unlike other actions it owns its transactions. Most orders need no read: the campaign cache has the store's set, and
    the row is written only if that set is still current. Otherwise the order is evaluated again.

    Raises:
        Invalid: ``unknown_store``, ``unknown_product``, ``unknown_campaign`` (of a dry run), ``currency_mismatch``,
            ``at_far_away``, an amount finer than the currency; of a returned line ``unknown_evaluation``,
            ``unknown_line``.
        Conflict: ``already_returned``.
        Upstream: ``database_busy``: campaigns change faster than an evaluation takes.
    """
    at = order["at"] or now
    if rules.is_far_away(at, now):
        raise Invalid.field("at", "More than ten years from now. Check the clock of the till.", code="at_far_away")
    must_read = order["dry_run"] is not None or any(line["return_of"] for line in order["lines"])
    for _ in range(TRIES):
        inputs = _from_cache(cache, order, at, actor) if not must_read else None
        if inputs is None:
            must_read = True
            with database.read() as session:
                inputs = _read(session, cache, order, at=at, actor=actor, now=now)
        try:
            evaluation = inputs.evaluate(order, at)
        except Invalid:
            if must_read:
                raise
            must_read = True  # the catalogue may have changed: read before refusing
            continue
        row = _row(evaluation, inputs.store_set, now)
        if inputs.dry_run or writer.write(database, row, inputs.store_set.stamp):
            return None if inputs.dry_run else row["id"], evaluation
        must_read = True
    raise Upstream("Campaigns change faster than this can be evaluated.", code="database_busy", retry_after=1)


@dataclass(frozen=True)
class _Inputs:
    """What an order is evaluated with.

    Attributes:
        returned: lines of returned units by id (D69).
        elsewhere: by folded code, the campaign that has it although it is not active in this store, and why (D67).
    """

    store_set: StoreSet
    left: Mapping[str, engine.Left] = field(default_factory=dict)
    dry_run: engine.Campaign | None = None
    returned: Mapping[str, engine.LineResult] = field(default_factory=dict)
    elsewhere: Mapping[str, store_set_queries.Elsewhere] = field(default_factory=dict)

    def evaluate(self, order: Mapping[str, Any], at: datetime) -> engine.Evaluation:
        store_set = self.store_set
        if order["currency"] not in (None, store_set.currency):
            message = f"Prices here are in {store_set.currency}."
            raise Invalid.field("currency", message, code="currency_mismatch")
        basket = _basket(order, store_set)
        try:
            evaluation = engine.evaluate(
                basket, store_set.campaigns, at, strategy=store_set.strategy, left=self.left, dry_run=self.dry_run
            )
        except engine.InexactAmount:
            raise _finer_prices(order["lines"], store_set.currency) from None
        if self.elsewhere:
            evaluation = replace(evaluation, codes=[self._answer(result) for result in evaluation.codes])
        if store_set.rounded:
            evaluation = replace(evaluation, warnings=list(_rounded(order["lines"], store_set)))
        return replace(evaluation, lines=self._in_order(order, evaluation)) if self.returned else evaluation

    def _answer(self, result: engine.CodeResult) -> engine.CodeResult:
        """What became of a code. For a code that the store does not have: why its campaign does not apply here."""
        elsewhere = self.elsewhere.get(engine.fold_code(result.code)) if result.is_unknown else None
        return engine.CodeResult.refused(result.code, *elsewhere) if elsewhere else result

    def _in_order(self, order: Mapping[str, Any], evaluation: engine.Evaluation) -> list[engine.LineResult]:
        """Bought and returned lines, in the order of the request."""
        by_id = {**self.returned} | {line.id: line for line in evaluation.lines}
        return [by_id[line["line_id"]] for line in order["lines"]]


def _from_cache(cache: CampaignCache, order: Mapping[str, Any], at: datetime, actor: Principal) -> _Inputs | None:
    """Inputs from the cache alone; None where the order needs more."""
    store_set = cache.last_read(actor.tenant_id, order["store_uid"], at=at)
    if store_set is None or not all(line["product_uid"] in store_set.prices for line in order["lines"]):
        return None
    if store_set.missing(order["campaign_codes"]):
        return None
    return None if store_set.limits_for([line["product_uid"] for line in order["lines"]]) else _Inputs(store_set)


def _read(
    session: Session, cache: CampaignCache, order: Mapping[str, Any], *, at: datetime, actor: Principal, now: datetime
) -> _Inputs:
    """Inputs as the database has them now."""
    store_set = cache.current(session, actor.tenant_id, order["store_uid"], at=at, now=now)
    bought = [line for line in order["lines"] if not line["return_of"]]
    products = [line["product_uid"] for line in bought]
    unknown = product_queries.look_up(session, store_set, products)
    cache.put(store_set)
    _refuse_unknown(order["lines"], unknown)
    left = usage_queries.left(session, store_set.limits_for(products), now=now)
    candidate = order["dry_run"] and dry_run_queries.campaign(
        session, store_set, order["dry_run"]["campaign_uid"], products
    )
    has_returns = len(bought) < len(order["lines"])
    returned = return_actions.taken_back(session, order["lines"], store_set.currency) if has_returns else {}
    elsewhere = store_set_queries.elsewhere(session, store_set, store_set.missing(order["campaign_codes"]), at=at)
    budgets = {store_set.uids[campaign]: limits for campaign, limits in left.items()}
    return _Inputs(store_set, budgets, candidate or None, returned, elsewhere)


def trim(session: Session, *, now: datetime) -> bool:
    """Delete some of the evaluations past their time with their returns; True while there is more."""
    old = select(Evaluation.id).where(Evaluation.created_at < now - rules.KEEP).limit(TRIM)
    ids = list(session.scalars(old.with_for_update(skip_locked=True)))
    session.execute(delete(UnitReturn).where(UnitReturn.evaluation_id.in_(ids)))
    session.execute(delete(Evaluation).where(Evaluation.id.in_(ids)))
    return len(ids) == TRIM


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


def _basket(order: Mapping[str, Any], store_set: StoreSet) -> engine.Basket:
    lines, total = [], Decimal(0)
    for line in order["lines"]:
        if line["return_of"]:
            continue
        uid, price = line["product_uid"], line["unit_price"]
        price = store_set.prices[uid] if price is None else price
        lines.append(engine.Line(line["line_id"], uid, line["quantity"], price, line["price_locked"]))
        total += line["quantity"] * price
    if total > rules.MAX_TOTAL:
        raise Invalid.field("lines", f"An order can cost {rules.MAX_TOTAL:f} at most.")
    return engine.Basket(
        store_set.currency,
        lines,
        store=store_set.store_uid,
        codes=order["campaign_codes"],
        customer_group=order["customer_group_uid"],
        decimals=store_set.campaigns.decimals,
    )


def _finer_prices(lines: Sequence[Mapping[str, Any]], currency: str) -> Invalid:
    """Each price that has more decimals than the currency (D9)."""
    errors = []
    for number, line in enumerate(lines):
        try:
            money.exact(line["unit_price"] or Decimal(0), currency)
        except money.InexactAmount as error:
            errors.append({"field": f"lines.{number}.unitPrice", "message": str(error)})
    return Invalid(errors[0]["message"], errors=errors)


def _rounded(lines: Sequence[Mapping[str, Any]], store_set: StoreSet) -> Iterator[dict[str, str]]:
    """A warning for each price that the catalogue has finer than the currency."""
    for line in lines:
        uid = line["product_uid"]
        if uid in store_set.rounded and line["unit_price"] is None and not line["return_of"]:
            message = f"The price of {uid} has more decimals than {store_set.currency}; it was rounded."
            yield {"code": "price_rounded", "lineId": line["line_id"], "productUid": uid, "message": message}


def _row(evaluation: engine.Evaluation, store_set: StoreSet, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "store_uid": store_set.store_uid,
        "record": evaluation.to_record(),
        "created_at": now,
        "tenant_id": store_set.tenant_id,
    }
