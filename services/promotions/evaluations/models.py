"""What baskets were found to cost, and which of their units have come back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from services.promotions.common.models import Base, Owned


class Evaluation(Owned, TenantScoped, Base):
    """One answer, with what was taken off each unit, so that a return refunds the right share. Never changed.

    ``record`` is the engine's own (``Evaluation.to_record``).
    """

    __tablename__ = "evaluations"
    __table_args__ = (Index("ix_evaluations_created", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    store_uid: Mapped[str]
    record: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class UnitReturn(Owned, TenantScoped, Base):
    """One unit that came back. ``unit`` counts the units of its line from 0; none comes back twice.

    ``refund`` is what was paid for it, in minor units of the evaluation's currency.
    """

    __tablename__ = "unit_returns"

    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"), primary_key=True)
    line_id: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[int] = mapped_column(primary_key=True)
    return_id: Mapped[UUID]
    refund: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
