"""Endpoints of conversions (S2-25, S2-27): report, preview, follow, explain."""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from chassis.process.service import runtime_of
from services.affiliates import settings
from services.affiliates.clicks import tracker
from services.affiliates.common.dual_mount import MERCHANT, READERS, DualMount
from services.affiliates.conversions import actions, queries
from services.affiliates.conversions.order_status_actions import change_order_status
from services.affiliates.conversions.schemas import (
    ConversionAcceptedOut,
    ConversionIn,
    ConversionOut,
    ConversionsIn,
    OrderStatusIn,
)

blp = DualMount("conversions")


@blp.route("")
class Conversions(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(ConversionsIn, location="query")
    @blp.response(200, page_of(ConversionOut))
    def get(self, filters):
        """The merchant's conversions, newest first, without their items."""
        with db.read() as session:
            return queries.list_conversions(session, **filters)

    @blp.allow(*MERCHANT)
    @blp.arguments(ConversionIn)
    @blp.response(202, ConversionAcceptedOut)
    def post(self, body):
        """Report an order. It is weighed a moment later; the same order again is a DUPLICATE."""
        now = utcnow()
        report = _read(body, now)
        with db.begin() as session:
            return actions.report_order(session, report, actor=caller(), now=now)


@blp.route("/preview")
class Preview(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(ConversionIn)
    @blp.response(200, ConversionOut)
    def post(self, body):
        """What an order would earn whom, and why; nothing is recorded."""
        runtime = runtime_of(current_app)
        tracker.flush_now(runtime)
        now = utcnow()
        report, platform = _read(body, now), settings.of(runtime.settings).platform_commission
        with db.read() as session:
            return actions.preview(session, report, platform=platform, hash_of=tracker.of(runtime).hash_of, now=now)


@blp.route("/<path:external_order_id>")
class OneConversion(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, ConversionOut)
    def get(self, external_order_id):
        """What was decided about an order: which click, which window, which level of commission, or why none."""
        with db.read() as session:
            return queries.view(session, queries.get_conversion(session, external_order_id))


@blp.route("/<path:external_order_id>/status")
class OrderStatusOfConversion(MethodView):
    @blp.allow(*MERCHANT)
    @blp.arguments(OrderStatusIn)
    @blp.response(200, ConversionOut)
    @raises(409, "order_closed", "refund_differs")
    def post(self, report, external_order_id):
        """Report the status of an order: confirmed and delivered approve its commission, the last three take it back.

        ``refunded`` with a ``refundAmount`` or ``items`` takes back in part; each of the items takes back what its line
        earned."""
        with db.begin() as session:
            conversion = change_order_status(session, external_order_id, report, actor=caller(), now=utcnow())
            return queries.view(session, conversion)


def _read(body, now):
    process = tracker.of(runtime_of(current_app))
    return actions.read_report(body, visitors=process.visitors, hash_of=process.hash_of, now=now)
