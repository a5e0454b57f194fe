"""Conversions (S2-25, S2-27): reported, followed, explained."""

from uuid import UUID

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.emails import address_key
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.process.service import runtime_of
from services.affiliates import queries, tracking
from services.affiliates.clicks.visitors import Tampered
from services.affiliates.commissions.ledger_rules import OrderStatus
from services.affiliates.common.dual_mount import MERCHANT, Doors
from services.affiliates.conversions import actions, order_status
from services.affiliates.conversions.rules import MALFORMED_CLICK, TAMPERED_VISITOR, Order, OrderLine
from services.affiliates.conversions.schemas import (
    ConversionAcceptedOut,
    ConversionIn,
    ConversionOut,
    ConversionsIn,
    OrderStatusIn,
)

doors = Doors("conversions")


@doors.route("")
class Conversions(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(ConversionsIn, location="query")
    @doors.response(200, page_of(ConversionOut))
    def get(self, wanted):
        """The merchant's conversions, newest first; their items stand with each one alone."""
        with db.read() as session:
            return queries.conversions.conversions(session, **wanted)

    @doors.allow(*MERCHANT)
    @doors.arguments(ConversionIn)
    @doors.response(202, ConversionAcceptedOut)
    def post(self, body):
        """Report an order. It is weighed a moment later; the same order again is a DUPLICATE."""
        now = utcnow()
        order, flags = _read(body, now)
        order_id = body["external_order_id"]
        with db.begin() as session:
            status = actions.report_order(session, order_id, order, flags=flags, actor=caller(), now=now)
        return {"external_order_id": order_id, "status": status}


@doors.route("/preview")
class Preview(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(ConversionIn)
    @doors.response(200, ConversionOut)
    def post(self, body):
        """What an order would earn whom, and why; nothing is recorded."""
        tracking.flush_now(runtime_of(current_app))
        now = utcnow()
        order, flags = _read(body, now)
        with db.read() as session:
            merchant = queries.merchants.merchant(session, now)
            order_id = body["external_order_id"]
            return actions.preview(session, merchant, order_id, order, flags=flags, hash_of=_hash, now=now)


@doors.route("/<path:external_order_id>")
class OneConversion(MethodView):
    @doors.allow(*MERCHANT)
    @doors.response(200, ConversionOut)
    def get(self, external_order_id):
        """What was decided about an order: which click, which window, which level of commission, or why none."""
        with db.read() as session:
            return queries.conversions.told(session, queries.conversions.conversion(session, external_order_id))


@doors.route("/<path:external_order_id>/status")
class OrderStatusOfConversion(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(OrderStatusIn)
    @doors.response(200, ConversionOut)
    def post(self, body, external_order_id):
        """What became of an order: confirmed and delivered approve its commission, the last three take it back.

        ``refunded`` with a ``refundAmount`` or ``items`` takes back in part; each of the items takes back what its line
        earned."""
        with db.begin() as session:
            changed = order_status.change_order_status(
                session,
                external_order_id,
                OrderStatus(body["status"]),
                refund=body["refund_amount"],
                items=body["items"] or (),
                refund_id=body["refund_id"],
                actor=caller(),
                now=utcnow(),
            )
            return queries.conversions.told(session, changed)


def _read(body, now):
    """The order in a request, and what is wrong with the visitor it names."""
    flags = []
    visitor = click_id = None
    if body["visitor"]:
        try:
            visitor = _tracker().visitors.read(body["visitor"], now)
        except Tampered:
            flags.append(TAMPERED_VISITOR)
    if body["click_id"]:
        try:
            click_id = UUID(body["click_id"])
        except ValueError:
            flags.append(MALFORMED_CLICK)
    order = Order(
        amount=body["order_amount"],
        currency=body["currency"],
        occurred_at=body["occurred_at"] or now,
        received_at=now,
        click_id=click_id,
        visitor_id=visitor.id if visitor else None,
        buyer_hash=_hash(address_key(body["customer_email"])) if body["customer_email"] else None,
        lines=[OrderLine(**item) for item in body["items"]],
    )
    return order, flags


def _tracker():
    return tracking.of(runtime_of(current_app))


def _hash(address):
    return _tracker().hash_of(address)
