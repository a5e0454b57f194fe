"""Tables of evaluations, returned units, usage of campaigns and reservations.

Discounts are whole thousandths and tenths of one, the smallest coins of currencies, so that databases add them up
exactly. Both together are ``parts``: ten-thousandths.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from chassis.core.errors import Conflict
from chassis.data.tenancy import TenantScoped
from services.promotions.common.models import Base, Owned


class Evaluation(Owned, TenantScoped, Base):
    """One answer, with what was taken off each unit, so that a return refunds the right share. Never changed.

    ``record`` is the engine's own (``Evaluation.to_record``).
    """

    __tablename__ = "evaluations"
    __table_args__ = (
        Index("ix_evaluations_created", "created_at"),
        Index("ix_evaluations_tenant", "tenant_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    store_uid: Mapped[str]
    record: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class UnitReturn(Owned, TenantScoped, Base):
    """One unit that came back. ``unit`` counts the units of its line from 0; none comes back twice.

    ``refund`` is what was paid for it, in minor units of the evaluation's currency.
    """

    __tablename__ = "unit_returns"
    __table_args__ = (Index("ix_unit_returns_tenant", "tenant_id"),)

    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"), primary_key=True)
    line_id: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[int] = mapped_column(primary_key=True)
    return_id: Mapped[UUID]
    refund: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


TENTHS = 10
"""Of a thousandth; currencies of four decimals have such coins."""


class CampaignUsage(Owned, TenantScoped, Base):
    """What committed orders have used of a campaign. Reserving and committing lock its row, in the order
    of ids and after the reservation's own.
    """

    __tablename__ = "campaign_usages"
    __table_args__ = (
        CheckConstraint("uses >= 0 AND discount_mills >= 0", name="not_negative"),
        Index("ix_campaign_usages_tenant", "tenant_id"),
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("sales_campaigns.id"), primary_key=True)
    uses: Mapped[int]
    discount_mills: Mapped[int] = mapped_column(BigInteger)
    discount_tenths: Mapped[int] = mapped_column(server_default="0")

    @property
    def parts(self) -> int:
        """The discount in ten-thousandths."""
        return self.discount_mills * TENTHS + self.discount_tenths

    def count(self, uses: int, parts: int) -> None:
        """Add what an order used, or take it away again."""
        self.uses += uses
        self.discount_mills, self.discount_tenths = divmod(max(0, self.parts + parts), TENTHS)


class ReservationState(StrEnum):
    RESERVED = "reserved"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"  # never stored: it is seen by the clock (D3)


class Reservation(Owned, TenantScoped, Base):
    """What one order has reserved. After ``expires_at`` it does not count, whatever ``state`` says."""

    __tablename__ = "reservations"
    __table_args__ = (
        UniqueConstraint("tenant_id", "order_id"),
        Index("ix_reservations_expiry", "state", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    order_id: Mapped[str]
    evaluation_id: Mapped[UUID]
    state: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def state_at(self, now: datetime) -> ReservationState:
        if self.state == ReservationState.RESERVED and self.expires_at <= now:
            return ReservationState.EXPIRED
        return ReservationState(self.state)

    def reserve(self, evaluation_id: UUID, *, expires_at: datetime, now: datetime) -> None:
        """Hold for another evaluation, or for longer.

        Raises:
            Conflict: ``reservation_committed``: the order is closed.
        """
        if self.state == ReservationState.COMMITTED:
            raise Conflict("This order has been committed already.", code="reservation_committed")
        self.evaluation_id, self.expires_at = evaluation_id, expires_at
        self.state, self.updated_at = ReservationState.RESERVED, now

    def commit(self, now: datetime) -> bool:
        """Say whether there was something to do: to commit twice is to commit once.

        Raises:
            Conflict: ``reservation_released``.
        """
        if self.state == ReservationState.RELEASED:
            raise Conflict("This reservation has been released; reserve again.", code="reservation_released")
        was = self.state
        self.state, self.updated_at = ReservationState.COMMITTED, now
        return was != ReservationState.COMMITTED

    def release(self, now: datetime) -> bool:
        """Give back; say whether committed uses come back with it."""
        was = self.state
        self.state, self.updated_at = ReservationState.RELEASED, now
        return was == ReservationState.COMMITTED


class ReservedCampaign(Base):
    """One use of a campaign by an order. Only reached through its reservation."""

    __tablename__ = "reserved_campaigns"
    __table_args__ = (Index("ix_reserved_campaigns_campaign", "campaign_id"),)

    reservation_id: Mapped[UUID] = mapped_column(ForeignKey("reservations.id"), primary_key=True)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("sales_campaigns.id"), primary_key=True)
    discount_mills: Mapped[int] = mapped_column(BigInteger)
    discount_tenths: Mapped[int] = mapped_column(server_default="0")

    @classmethod
    def of(cls, reservation_id: UUID, campaign_id: UUID, parts: int) -> "ReservedCampaign":
        mills, tenths = divmod(parts, TENTHS)
        return cls(reservation_id=reservation_id, campaign_id=campaign_id, discount_mills=mills, discount_tenths=tenths)

    @property
    def parts(self) -> int:
        """The discount in ten-thousandths."""
        return self.discount_mills * TENTHS + self.discount_tenths


def new_reservation(tenant_id: UUID, order_id: str, evaluation_id: UUID, now: datetime) -> dict[str, object]:
    """The row of an order's first reservation, not yet holding anything."""
    return {
        "id": uuid7(),
        "tenant_id": tenant_id,
        "order_id": order_id,
        "evaluation_id": evaluation_id,
        "state": ReservationState.RELEASED,
        "expires_at": now,
        "created_at": now,
        "updated_at": now,
    }
