"""Reserve, commit and release what an order uses of limited campaigns, and set the limits (never exceeded).

Locks: the reservation, the evaluations with which its returned units were bought by id, the usage rows of its campaigns
by id. For limits: the tenant's currency, the campaign, its usage row.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.core.text import is_line
from chassis.data.bulk import insert_ignoring
from chassis.http import versions
from chassis.http.schemas import in_currency
from services.promotions import engine
from services.promotions.catalogue import actions as catalogue_actions
from services.promotions.catalogue.actions import lock_currency
from services.promotions.common.actions import audit
from services.promotions.evaluations import queries as evaluations_queries
from services.promotions.evaluations import return_actions, usage_queries
from services.promotions.evaluations.models import (
    CampaignUsage,
    Reservation,
    ReservationState,
    ReservedCampaign,
    new_reservation,
)
from services.promotions.sales import queries as sales_queries
from services.promotions.sales.models import SalesCampaign

LONGEST_ID = 100
TRIM = 1000
KEEP = timedelta(days=7)
"""How long an expired or released reservation can be read."""
TRIMMED = [state for state in ReservationState if state is not ReservationState.COMMITTED]
"""Listed, so that the index is used. Committed reservations stay: there is one for every order."""


def reserve(
    session: Session, order_id: str, evaluation_id: UUID, lifetime: timedelta, *, actor: Principal, now: datetime
) -> Reservation:
    """Reserve for an order what an evaluation uses of campaigns. It replaces the order's earlier reservation.

    Raises:
        Invalid: ``unknown_evaluation``, or an id that no order can have.
        Conflict: ``limit_reached``: other orders have reserved what was left; the earlier reservation stays as it was.
            ``already_returned``: a unit that the order takes back. ``reservation_committed``.
    """
    _require_addressable(order_id)
    reservation = _lock_new_reservation(session, order_id, evaluation_id, actor=actor, now=now)
    reservation.reserve(evaluation_id, expires_at=now + lifetime, now=now)
    evaluation = _evaluation(session, evaluation_id)
    return_actions.require_returnable(session, evaluation)
    discounts = _discounts(session, evaluation)
    _require_left(session, discounts, but=reservation.id, actor=actor, now=now)
    session.execute(delete(ReservedCampaign).where(ReservedCampaign.reservation_id == reservation.id))
    session.add_all([ReservedCampaign.of(reservation.id, campaign, parts) for campaign, parts in discounts.items()])
    session.flush()
    return reservation


def commit(session: Session, order_id: str, *, actor: Principal, now: datetime) -> Reservation:
    """The order is paid: what it reserved counts as used, and its returned units have come back. An expired
    reservation is committed where enough is left.

    Raises:
        NotFound: nothing is reserved for it.
        Conflict: ``limit_reached``; ``already_returned``; ``reservation_released``.
    """
    reservation = usage_queries.lock_reservation(session, order_id)
    if reservation.commit(now):
        if evaluation := _evaluation_if_kept(session, reservation.evaluation_id):
            return_actions.book(session, evaluation, reservation.id, tenant_id=actor.tenant_id, now=now)
        lines = _lines(session, reservation)
        _lock_usages(session, lines, actor)
        now = max(now, utcnow())  # it may have expired while this waited for the lock
        if reservation.expires_at <= now:
            _require_left(session, lines, but=reservation.id, actor=actor, now=now)
        _count(session, lines, 1)
    return reservation


def release(session: Session, order_id: str, *, actor: Principal, now: datetime) -> Reservation:
    """The order is cancelled: what it reserved or used is left again, and its returned units have not come back.

    Raises:
        NotFound: nothing is reserved for it.
    """
    reservation = usage_queries.lock_reservation(session, order_id)
    if reservation.release(now):
        if evaluation := _evaluation_if_kept(session, reservation.evaluation_id):
            return_actions.unbook(session, evaluation, reservation.id)
        lines = _lines(session, reservation)
        _lock_usages(session, lines, actor)
        _count(session, lines, -1)
    return reservation


def set_limits(
    session: Session,
    campaign_uid: str,
    limits: Mapping[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> SalesCampaign:
    """Set the limits of a campaign on all orders together. Allowed while it is active: limits are none of its details.

    A limit below what was used already is allowed; then nothing is left.

    Raises:
        NotFound: the caller has none of that uid.
        Stale: ``expected`` is not its version.
        Invalid: a discount finer than the tenant's currency (D9).
    """
    currency = lock_currency(session, actor.tenant_id)
    campaign = sales_queries.lock_campaign(session, campaign_uid)
    versions.require(campaign, expected)
    if limits.get("total_discount_limit") is not None:
        amount = in_currency(limits["total_discount_limit"], currency, "totalDiscount")
        limits = {**limits, "total_discount_limit": amount}
    _lock_usages(session, [campaign.id], actor)
    for name, value in limits.items():
        setattr(campaign, name, value)
    if session.is_modified(campaign):
        campaign.updated_at = now
        audit(session, "sales_campaign.limited", campaign, actor=actor, now=now)
        catalogue_actions.touch(session, actor.tenant_id)
    return campaign


def trim(session: Session, *, now: datetime) -> bool:
    """Delete some expired or released reservations; return whether there may be more."""
    ids = list(session.scalars(trimmable(now)))
    session.execute(delete(ReservedCampaign).where(ReservedCampaign.reservation_id.in_(ids)))
    session.execute(delete(Reservation).where(Reservation.id.in_(ids)))
    return len(ids) == TRIM


def trimmable(now: datetime) -> Select[tuple[UUID]]:
    """The ids of some such reservations, their rows locked."""
    over = Reservation.state.in_(TRIMMED), Reservation.expires_at < now - KEEP
    return select(Reservation.id).where(*over).limit(TRIM).with_for_update(skip_locked=True)


def _lock_new_reservation(
    session: Session, order_id: str, evaluation_id: UUID, *, actor: Principal, now: datetime
) -> Reservation:
    insert_ignoring(session, Reservation, [new_reservation(actor.tenant_id, order_id, evaluation_id, now)])
    return usage_queries.lock_reservation(session, order_id)


def _require_addressable(order_id: str) -> None:
    """Refuse an id that no path can have (D60)."""
    if len(order_id) > LONGEST_ID:
        raise Invalid.field("orderId", f"At most {LONGEST_ID} characters.")
    if not any(map(str.isprintable, order_id.strip())) or order_id in (".", "..") or not is_line(order_id):
        raise Invalid.field("orderId", "Must be visible characters, and more than dots alone.")


def _evaluation_if_kept(session: Session, evaluation_id: UUID) -> engine.Evaluation | None:
    """The evaluation of an id; None where it was deleted for its age."""
    return evaluations_queries.evaluations(session, [evaluation_id]).get(evaluation_id)


def _evaluation(session: Session, evaluation_id: UUID) -> engine.Evaluation:
    evaluation = _evaluation_if_kept(session, evaluation_id)
    if evaluation is None:
        raise Invalid.field("evaluationId", "There is no such evaluation.", code="unknown_evaluation")
    return evaluation


def _discounts(session: Session, evaluation: engine.Evaluation) -> dict[UUID, int]:
    """The discount of each campaign in an evaluation, in ten-thousandths."""
    parts = usage_queries.PARTS // 10**evaluation.places
    discounts = {outcome.uid: outcome.discount * parts for outcome in evaluation.campaigns if outcome.applied}
    ids = select(SalesCampaign.campaign_uid, SalesCampaign.id).where(SalesCampaign.campaign_uid.in_(discounts))
    return {campaign: discounts[uid] for uid, campaign in session.execute(ids)}


def _lines(session: Session, reservation: Reservation) -> dict[UUID, int]:
    lines = select(ReservedCampaign).where(ReservedCampaign.reservation_id == reservation.id)
    return {row.campaign_id: row.parts for row in session.scalars(lines)}


def _require_left(
    session: Session, discounts: Mapping[UUID, int], *, but: UUID, actor: Principal, now: datetime
) -> None:
    """Refuse unless every limited campaign has enough left; it stays so until the transaction ends."""
    with_limits = select(SalesCampaign).where(
        SalesCampaign.id.in_(discounts),
        SalesCampaign.total_uses_limit.is_not(None) | SalesCampaign.total_discount_limit.is_not(None),
    )
    if not session.scalars(with_limits).first():
        return
    _lock_usages(session, discounts, actor)
    limited = session.scalars(with_limits.execution_options(populate_existing=True)).all()  # as they are under the lock
    ids = [campaign.id for campaign in limited]
    committed, reserved = (
        usage_queries.committed_of(session, ids),
        usage_queries.reserved_of(session, ids, now=now, but=but),
    )
    for campaign in limited:
        used = committed.get(campaign.id, usage_queries.Used()) + reserved.get(campaign.id, usage_queries.Used())
        left = usage_queries.left_of((campaign.total_uses_limit, campaign.total_discount_limit), used)
        discount = Decimal(discounts[campaign.id]) / usage_queries.PARTS
        if (left.uses is not None and left.uses < 1) or (left.discount is not None and left.discount < discount):
            raise Conflict(f"The campaign {campaign.campaign_uid} has not enough left.", code="limit_reached")


def _lock_usages(session: Session, campaigns: Iterable[UUID], actor: Principal) -> None:
    ids = sorted(campaigns)
    for campaign in ids:
        row = {"campaign_id": campaign, "tenant_id": actor.tenant_id, "uses": 0, "discount_mills": 0}
        insert_ignoring(session, CampaignUsage, [row])
    statement = select(CampaignUsage.campaign_id).where(CampaignUsage.campaign_id.in_(ids))
    session.execute(statement.order_by(CampaignUsage.campaign_id).with_for_update()).all()


def _count(session: Session, lines: Mapping[UUID, int], sign: int) -> None:
    for usage in session.scalars(
        select(CampaignUsage).where(CampaignUsage.campaign_id.in_(lines)).execution_options(populate_existing=True)
    ):
        usage.count(sign, sign * lines[usage.campaign_id])
    session.flush()
