"""Evaluations that were given before."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.errors import NotFound
from services.promotions.models import Evaluation, UnitReturn


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


def returned(session: Session, evaluation_id: UUID) -> list[UnitReturn]:
    """The units that have come back, in the order they came."""
    order = (UnitReturn.created_at, UnitReturn.return_id, UnitReturn.line_id, UnitReturn.unit)
    return list(session.scalars(select(UnitReturn).where(UnitReturn.evaluation_id == evaluation_id).order_by(*order)))
