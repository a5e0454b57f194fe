"""Limits of campaigns on all orders together, and what an order reserves, commits or releases of them."""

from datetime import timedelta
from typing import Any

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.money import written
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from chassis.http.problems import raises
from services.promotions.common.api import TenantBlueprint
from services.promotions.evaluations import usage_actions as actions
from services.promotions.evaluations import usage_queries as queries
from services.promotions.evaluations.usage_schemas import LimitsIn, LimitsOut, ReservationIn, ReservationOut

blp = TenantBlueprint("usage", __name__)


@blp.route("/campaigns/<campaign_uid>/limits")
class Limits(MethodView):
    @blp.readers
    @blp.response(200, LimitsOut)
    def get(self, campaign_uid):
        """The campaign's limits on all orders together, and what is left."""
        with db.read() as session:
            campaign, usage = queries.usage(session, campaign_uid, now=utcnow())
        versions.set_etag(campaign)
        return limits_of(campaign, usage)

    @blp.admins
    @blp.arguments(LimitsIn)
    @blp.response(200, LimitsOut)
    def put(self, limits, campaign_uid):
        """Set a limit, or remove it with null. A limit that is left out stays. Allowed while the campaign is active."""
        now = utcnow()
        with db.begin() as session:
            expected = versions.if_match()
            campaign = actions.set_limits(session, campaign_uid, limits, expected=expected, actor=caller(), now=now)
            usage = queries.usage_of(session, campaign, now=now)
        versions.set_etag(campaign)
        return limits_of(campaign, usage)


@blp.route("/orders/<order_id>/reservation")
class Reservation(MethodView):
    @blp.admins
    @blp.arguments(ReservationIn)
    @blp.response(200, ReservationOut)
    @raises(409, "limit_reached", "already_returned", "reservation_committed")
    @raises(422, "unknown_evaluation")
    def post(self, data, order_id):
        """Reserve what an evaluation uses of campaigns, for a while. It replaces the order's earlier reservation."""
        now, lifetime = utcnow(), timedelta(seconds=data["seconds"])
        with db.begin() as session:
            reservation = actions.reserve(session, order_id, data["evaluation_id"], lifetime, actor=caller(), now=now)
            return reservation_of(queries.seen(session, reservation, now=now))

    @blp.readers
    @blp.response(200, ReservationOut)
    def get(self, order_id):
        """What the order has reserved or used."""
        now = utcnow()
        with db.read() as session:
            return reservation_of(queries.seen(session, queries.reservation(session, order_id), now=now))


@blp.route("/orders/<order_id>/reservation/commit")
class Commit(MethodView):
    @blp.admins
    @blp.response(200, ReservationOut)
    @raises(409, "limit_reached", "already_returned", "reservation_released")
    def post(self, order_id):
        """The order is paid: what it reserved counts as used."""
        now = utcnow()
        with db.begin() as session:
            reservation = actions.commit(session, order_id, actor=caller(), now=now)
            return reservation_of(queries.seen(session, reservation, now=now))


@blp.route("/orders/<order_id>/reservation/release")
class Release(MethodView):
    @blp.admins
    @blp.response(200, ReservationOut)
    def post(self, order_id):
        """The order is cancelled, also after a commit: other orders can use what it reserved."""
        now = utcnow()
        with db.begin() as session:
            reservation = actions.release(session, order_id, actor=caller(), now=now)
            return reservation_of(queries.seen(session, reservation, now=now))


def limits_of(campaign: Any, usage: queries.Usage) -> dict[str, Any]:
    uses, discount = usage.limits
    left, currency = usage.left, usage.currency
    return {
        "campaign_uid": campaign.campaign_uid,
        "total_uses": uses,
        "total_discount": None if discount is None else written(discount, currency),
        "committed_uses": usage.committed.uses,
        "committed_discount": written(usage.committed.discount, currency),
        "reserved_uses": usage.reserved.uses,
        "reserved_discount": written(usage.reserved.discount, currency),
        "left_uses": left.uses,
        "left_discount": None if left.discount is None else written(left.discount, currency),
    }


def reservation_of(reservation: queries.SeenReservation) -> dict[str, Any]:
    campaigns = [
        {"campaign_uid": uid, "discount": written(discount, reservation.currency)}
        for uid, discount in reservation.campaigns
    ]
    return {
        "order_id": reservation.order_id,
        "evaluation_id": reservation.evaluation_id,
        "status": reservation.state,
        "expires_at": reservation.expires_at,
        "campaigns": campaigns,
    }
