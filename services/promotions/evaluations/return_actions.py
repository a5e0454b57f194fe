"""Take back units: in an evaluation, which only shows the refund, and for good."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core import money
from chassis.core.errors import Conflict, Invalid
from services.promotions import engine
from services.promotions.evaluations import queries, rules
from services.promotions.evaluations.models import UnitReturn


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
        preview: only calculate, and store nothing.

    Raises:
        NotFound: the caller has no such evaluation.
        Invalid: ``unknown_line``: it has no such line or unit.
        Conflict: ``already_returned``: fewer are left.
    """
    read = queries.evaluation if preview else queries.lock_evaluation
    row = read(session, evaluation_id)
    evaluation = queries.result_of(row)
    gone = queries.gone(session, [evaluation_id])
    return_id = uuid7()
    returns = []
    for number, asked in enumerate(lines):
        line = _line(evaluation, asked["line_id"], f"lines.{number}.lineId")
        there = gone.setdefault((evaluation_id, line.id), set())
        units = _units(line, asked.get("quantity"), asked.get("units"), there, f"lines.{number}")
        returns += _rows(line, units, evaluation_id, row.tenant_id, return_id, now)
    if preview:
        return None, evaluation, returns
    session.add_all(returns)
    session.flush()
    return return_id, evaluation, returns


def taken_back(session: Session, lines: Sequence[Mapping[str, Any]], currency: str) -> dict[str, engine.LineResult]:
    """The returned lines of an order by their id, each with what its units were bought for. Nothing is kept: a basket
    is evaluated many times before it is paid.

    Raises:
        Invalid: ``unknown_evaluation``, ``unknown_line``, ``currency_mismatch``, or a line of another product.
        Conflict: ``already_returned``: fewer are left.
    """
    asked = [(f"lines.{place}", line) for place, line in enumerate(lines) if line["return_of"]]
    ids = {line["return_of"]["evaluation_id"] for _, line in asked}
    evaluations, gone = queries.evaluations(session, ids), queries.gone(session, ids)
    returned = {}
    for field, line in asked:
        evaluation_id, line_id = line["return_of"]["evaluation_id"], line["return_of"]["line_id"]
        bought = evaluations.get(evaluation_id)
        if bought is None:
            message = "There is no such evaluation."
            raise Invalid.field(f"{field}.returnOf.evaluationId", message, code="unknown_evaluation")
        origin = _line(bought, line_id, f"{field}.returnOf.lineId")
        if origin.product != line["product_uid"]:
            raise Invalid.field(f"{field}.productUid", f"Line {line_id} was of product {origin.product}.")
        finer = money.minor_units(currency) - bought.places
        if bought.currency != currency or finer < 0:
            message = f"It was paid in {bought.currency}."
            raise Invalid.field(f"{field}.returnOf.evaluationId", message, code="currency_mismatch")
        there = gone.setdefault((evaluation_id, line_id), set())
        units = _units(origin, -line["quantity"], line["return_of"].get("units"), there, field)
        returned[line["line_id"]] = _returned(line, origin, units, 10**finer)
    return returned


def book(session: Session, evaluation: engine.Evaluation, return_id: UUID, *, tenant_id: UUID, now: datetime) -> None:
    """The order is paid: its returned units have come back. The evaluations they were bought with are locked.

    Raises:
        Conflict: ``already_returned``: some have come back in the meantime.
    """
    lines = [line for line in evaluation.lines if line.return_of]
    if not lines:
        return
    bought = queries.lock_evaluations(session, _bought_with(evaluation))
    _require_returnable(session, evaluation, bought)
    for line in lines:
        assert line.return_of
        evaluation_id = UUID(line.return_of.evaluation)
        origin = _line(bought[evaluation_id], line.return_of.line, "returnOf.lineId")
        session.add_all(_rows(origin, line.return_of.units, evaluation_id, tenant_id, return_id, now))
    session.flush()


def require_returnable(session: Session, evaluation: engine.Evaluation) -> None:
    """Refuse unless all units that an evaluation takes back can still come back.

    Raises:
        Conflict: ``already_returned``.
    """
    if ids := _bought_with(evaluation):
        _require_returnable(session, evaluation, queries.evaluations(session, ids))


def _require_returnable(
    session: Session, evaluation: engine.Evaluation, bought: Mapping[UUID, engine.Evaluation]
) -> None:
    gone = queries.gone(session, bought)
    for line in evaluation.lines:
        if origin := line.return_of:
            key = UUID(origin.evaluation), origin.line
            if key[0] not in bought or gone.get(key, set()) & set(origin.units):
                raise Conflict(f"Units of line {origin.line} have come back before.", code="already_returned")


def _bought_with(evaluation: engine.Evaluation) -> set[UUID]:
    """The ids of the evaluations with which returned units were bought."""
    return {UUID(line.return_of.evaluation) for line in evaluation.lines if line.return_of}


def unbook(session: Session, evaluation: engine.Evaluation, return_id: UUID) -> None:
    """The order is cancelled: the units that it took back can come back again."""
    if ids := _bought_with(evaluation):
        mine = UnitReturn.evaluation_id.in_(ids), UnitReturn.return_id == return_id
        session.execute(delete(UnitReturn).where(*mine))


def _line(evaluation: engine.Evaluation, line_id: str, field: str) -> engine.LineResult:
    """A line that was bought."""
    for line in evaluation.lines:
        if line.id == line_id and line.return_of is None:
            return line
    raise Invalid.field(field, "There is no such line.", code="unknown_line")


def _units(
    line: engine.LineResult, quantity: engine.Quantity | None, units: Sequence[int] | None, gone: set[int], field: str
) -> Sequence[int]:
    """The units of a line that a return means, by number or as many as its quantity says; they are gone from now on."""
    if quantity is not None:
        _require_fitting(line, quantity, f"{field}.quantity")
    if units is None:
        count = rules.units_of(quantity or 0)
        units = rules.next_back(line, count, gone)
        if len(units) < count:
            raise Conflict(f"Of line {line.id} only {len(units)} can still come back.", code="already_returned")
    if any(unit >= line.unit_count for unit in units):
        raise Invalid.field(f"{field}.units", "There is no such unit.", code="unknown_line")
    if gone & set(units):
        raise Conflict(f"Units of line {line.id} have come back before.", code="already_returned")
    gone.update(units)
    return units


def _require_fitting(line: engine.LineResult, quantity: engine.Quantity, field: str) -> None:
    """A weighed line comes back whole, others in whole units (D69)."""
    is_weighed = not isinstance(line.quantity, int)
    if is_weighed and quantity != line.quantity:
        raise Invalid.field(field, f"Line {line.id} comes back whole: it was weighed, {line.quantity}.")
    if not is_weighed and not isinstance(quantity, int):
        raise Invalid.field(field, f"Line {line.id} has whole units.")


def _returned(
    line: Mapping[str, Any], origin: engine.LineResult, numbers: Sequence[int], finer: int
) -> engine.LineResult:
    """A returned line: what was taken off its units then, in minor units of which there are ``finer`` times as many."""
    units = list(origin.units())
    there = [
        (units[number].discount * finer, tuple((uid, amount * finer) for uid, amount in units[number].parts))
        for number in numbers
    ]
    runs = tuple(engine.Run(len(list(same)), *unit) for unit, same in groupby(there))
    return_of = engine.ReturnOf(str(line["return_of"]["evaluation_id"]), origin.id, tuple(numbers))
    quantity, unit_price = line["quantity"], origin.unit_price * finer
    return engine.LineResult(line["line_id"], origin.product, quantity, unit_price, runs, return_of)


def _rows(
    line: engine.LineResult, units: Iterable[int], evaluation_id: UUID, tenant_id: UUID, return_id: UUID, now: datetime
) -> list[UnitReturn]:
    paid = [line.price - unit.discount for unit in line.units()]
    return [
        UnitReturn(
            tenant_id=tenant_id,
            evaluation_id=evaluation_id,
            return_id=return_id,
            line_id=line.id,
            unit=unit,
            refund=paid[unit],
            created_at=now,
        )
        for unit in units
    ]
