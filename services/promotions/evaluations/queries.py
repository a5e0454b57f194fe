"""Read evaluations and returned units."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.data.lookup import one_or_404
from services.promotions import engine
from services.promotions.evaluations.models import Evaluation, UnitReturn

MISSING = "There is no such evaluation."


def evaluation(session: Session, evaluation_id: UUID) -> Evaluation:
    """One evaluation of the caller.

    Raises:
        NotFound: there is none of that id.
    """
    return one_or_404(session, select(Evaluation).where(Evaluation.id == evaluation_id), MISSING)


def lock_evaluation(session: Session, evaluation_id: UUID) -> Evaluation:
    """As ``evaluation``, its row locked until the transaction ends."""
    return one_or_404(session, select(Evaluation).where(Evaluation.id == evaluation_id).with_for_update(), MISSING)


def evaluations(session: Session, ids: Collection[UUID]) -> dict[UUID, engine.Evaluation]:
    """Those of ``ids`` that the caller has."""
    return {row.id: result_of(row) for row in session.scalars(_evaluations_of(ids))}


def lock_evaluations(session: Session, ids: Collection[UUID]) -> dict[UUID, engine.Evaluation]:
    """As ``evaluations``, the rows locked in the order of their ids until the transaction ends."""
    return {row.id: result_of(row) for row in session.scalars(_evaluations_of(ids).with_for_update())}


def _evaluations_of(ids: Collection[UUID]) -> Select[tuple[Evaluation]]:
    return select(Evaluation).where(Evaluation.id.in_(ids)).order_by(Evaluation.id)


def result_of(evaluation: Evaluation) -> engine.Evaluation:
    """What was answered.

    Records of before do not say how many decimals their currency has; of those with four they knew two.
    """
    decimals = money.minor_units(evaluation.record["currency"])
    return engine.Evaluation.from_record(evaluation.record, 2 if decimals > 3 else decimals)


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
