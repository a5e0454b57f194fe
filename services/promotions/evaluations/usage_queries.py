"""Read what is left of campaigns with limits on all orders together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, func, select
from sqlalchemy.orm import Session

from chassis.data.lookup import one_or_404
from services.promotions.catalogue.queries import settings
from services.promotions.engine import Left
from services.promotions.evaluations.models import (
    TENTHS,
    CampaignUsage,
    Evaluation,
    Reservation,
    ReservationState,
    ReservedCampaign,
)
from services.promotions.sales import queries as sales_queries
from services.promotions.sales.models import SalesCampaign

PARTS = 10_000
"""In one of a currency; discounts are counted in them."""
NOTHING_RESERVED = "Nothing is reserved for this order."
Limits = tuple[int | None, Decimal | None]
"""The most uses and the most discount of all orders together."""

USAGES, RESERVATIONS = CampaignUsage.__table__, Reservation.__table__
RESERVED = ReservedCampaign.__table__


@dataclass(frozen=True)
class Used:
    """Uses, and the discount they came to in ten-thousandths."""

    uses: int = 0
    parts: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(self.uses + other.uses, self.parts + other.parts)

    @property
    def discount(self) -> Decimal:
        return Decimal(self.parts) / PARTS


@dataclass(frozen=True)
class Usage:
    """Usage of a campaign: its limits, what is committed and what is reserved, in the tenant's currency."""

    currency: str
    limits: Limits
    committed: Used
    reserved: Used

    @property
    def left(self) -> Left:
        return left_of(self.limits, self.committed + self.reserved)


def left_of(limits: Limits, used: Used) -> Left:
    uses, discount = limits
    return Left(
        None if uses is None else max(0, uses - used.uses),
        None if discount is None else max(Decimal(0), discount - used.discount),
    )


def left(session: Session, limited: Mapping[UUID, Limits], *, now: datetime) -> dict[UUID, Left]:
    """What each campaign may still give."""
    if not limited:
        return {}
    committed, reserved = committed_of(session, limited), reserved_of(session, limited, now=now)
    nothing = Used()
    return {
        campaign: left_of(limits, committed.get(campaign, nothing) + reserved.get(campaign, nothing))
        for campaign, limits in limited.items()
    }


def committed_of(session: Session, campaigns: Iterable[UUID]) -> dict[UUID, Used]:
    counted = select(USAGES.c.campaign_id, USAGES.c.uses, _parts(USAGES))
    rows = session.execute(counted.where(USAGES.c.campaign_id.in_(list(campaigns))))
    return {campaign: Used(uses, parts) for campaign, uses, parts in rows}


def reserved_of(
    session: Session, campaigns: Iterable[UUID], *, now: datetime, but: UUID | None = None
) -> dict[UUID, Used]:
    """What open orders have reserved. An expired reservation does not count, whatever its row says (D3).

    Args:
        but: the id of a reservation that is not counted.
    """
    statement = (
        select(RESERVED.c.campaign_id, func.count(), func.sum(_parts(RESERVED)))
        .join(RESERVATIONS, RESERVATIONS.c.id == RESERVED.c.reservation_id)
        .where(
            RESERVED.c.campaign_id.in_(list(campaigns)),
            RESERVATIONS.c.state == ReservationState.RESERVED,
            RESERVATIONS.c.expires_at > now,
        )
        .group_by(RESERVED.c.campaign_id)
    )
    if but:
        statement = statement.where(RESERVATIONS.c.id != but)
    return {campaign: Used(int(uses), int(parts)) for campaign, uses, parts in session.execute(statement)}


def _parts(table: FromClause) -> ColumnElement[int]:
    return table.c.discount_mills * TENTHS + table.c.discount_tenths


def usage(session: Session, campaign_uid: str, *, now: datetime) -> tuple[SalesCampaign, Usage]:
    """How one campaign of the caller stands.

    Raises:
        NotFound: the caller has none of that uid.
    """
    campaign = sales_queries.campaign(session, campaign_uid)
    return campaign, usage_of(session, campaign, now=now)


def usage_of(session: Session, campaign: SalesCampaign, *, now: datetime) -> Usage:
    key = campaign.id
    committed = committed_of(session, [key]).get(key, Used())
    reserved = reserved_of(session, [key], now=now).get(key, Used())
    limits = campaign.total_uses_limit, campaign.total_discount_limit
    return Usage(settings(session).currency, limits, committed, reserved)


@dataclass(frozen=True)
class SeenReservation:
    """A reservation as it stands at a moment; ``campaigns`` are uids with their discount in the currency of the
    evaluation.
    """

    order_id: str
    currency: str
    evaluation_id: UUID
    state: ReservationState
    expires_at: datetime
    campaigns: list[tuple[str, Decimal]]


def reservation(session: Session, order_id: str) -> Reservation:
    """The reservation of an order of the caller.

    Raises:
        NotFound: the order has reserved nothing.
    """
    return one_or_404(session, select(Reservation).where(Reservation.order_id == order_id), NOTHING_RESERVED)


def lock_reservation(session: Session, order_id: str) -> Reservation:
    """As ``reservation``, its row locked until the transaction ends."""
    statement = select(Reservation).where(Reservation.order_id == order_id).with_for_update()
    return one_or_404(session, statement, NOTHING_RESERVED)


def seen(session: Session, reservation: Reservation, *, now: datetime) -> SeenReservation:
    lines = (
        select(SalesCampaign.campaign_uid, ReservedCampaign)
        .join(SalesCampaign, SalesCampaign.id == ReservedCampaign.campaign_id)
        .where(ReservedCampaign.reservation_id == reservation.id)
        .order_by(SalesCampaign.campaign_uid)
    )
    campaigns = [(uid, Decimal(row.parts) / PARTS) for uid, row in session.execute(lines).tuples()]
    priced_in = select(Evaluation.record["currency"].as_string()).where(Evaluation.id == reservation.evaluation_id)
    currency = session.scalar(priced_in) or settings(session).currency  # old evaluations are deleted
    state = reservation.state_at(now)
    return SeenReservation(
        reservation.order_id, currency, reservation.evaluation_id, state, reservation.expires_at, campaigns
    )
