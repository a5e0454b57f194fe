"""Evaluations that were given before."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.errors import NotFound
from services.promotions import engine
from services.promotions.evaluations.models import Evaluation, UnitReturn


def evaluation(session: Session, evaluation_id: UUID, *, lock: bool = False) -> Evaluation:
    """
    Raises:
        NotFound: the caller has no such evaluation.
    """
    statement = select(Evaluation).where(Evaluation.id == evaluation_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound("There is no such evaluation.")
    return found


def evaluations(session: Session, ids: Collection[UUID], *, lock: bool = False) -> dict[UUID, engine.Evaluation]:
    """Those of ``ids`` that the caller has, locked in the order of their ids where ``lock`` says so."""
    statement = select(Evaluation).where(Evaluation.id.in_(ids)).order_by(Evaluation.id)
    rows = session.scalars(statement.with_for_update() if lock else statement)
    return {row.id: result_of(row) for row in rows}


def result_of(kept: Evaluation) -> engine.Evaluation:
    """What was answered.

    Records of before do not say how many decimals their currency has; of those with four they knew two.
    """
    decimals = money.minor_units(kept.record["currency"])
    return engine.Evaluation.from_record(kept.record, 2 if decimals > 3 else decimals)


def gone(session: Session, ids: Collection[UUID]) -> dict[tuple[UUID, str], set[int]]:
    """The numbers of units that have come back, by evaluation and line."""
    columns = UnitReturn.evaluation_id, UnitReturn.line_id, UnitReturn.unit
    units: dict[tuple[UUID, str], set[int]] = {}
    for evaluation_id, line_id, unit in session.execute(select(*columns).where(UnitReturn.evaluation_id.in_(ids))):
        units.setdefault((evaluation_id, line_id), set()).add(unit)
    return units


def returned(session: Session, evaluation_id: UUID) -> list[UnitReturn]:
    """The units that have come back, in the order they came."""
    order = (UnitReturn.created_at, UnitReturn.return_id, UnitReturn.line_id, UnitReturn.unit)
    return list(session.scalars(select(UnitReturn).where(UnitReturn.evaluation_id == evaluation_id).order_by(*order)))
