"""Deliveries, and decisions about uncertain ones."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from contracts.roles import ADMINS, VIEWERS, Role
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import outcomes
from services.notifier.outbound import actions
from services.notifier.outbound.schemas import DeliveriesIn, DeliveryOut

DECIDERS = (*ADMINS, Role.PLATFORM_ADMIN)
READERS = (*DECIDERS, *VIEWERS)

blp = Blueprint("notifications", __name__, url_prefix="/api/v1/notifications")


@blp.route("/deliveries")
class Deliveries(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(DeliveriesIn, location="query")
    @blp.response(200, page_of(DeliveryOut))
    def get(self, search):
        """Mails with their recipients and outcomes, newest first."""
        with db.read() as session:
            return queries.deliveries(session, **search)


@blp.route("/deliveries/<uuid:delivery_id>/resend")
class Resend(MethodView):
    @blp.allow(*DECIDERS)
    @blp.response(200, DeliveryOut)
    @raises(409, "invalid_transition")
    def post(self, delivery_id):
        """Send an ``uncertain`` mail again, under the same Message-ID, if its recipient still wants it.

        It may have arrived before; then it comes twice. 409 ``invalid_transition`` for a mail that is not uncertain.
        """
        with db.begin() as session:
            delivery = actions.resend(session, delivery_id, actor=caller(), now=utcnow())
        outcomes.labels(delivery.topic, "resent").inc()
        return delivery


@blp.route("/deliveries/<uuid:delivery_id>/forget")
class Forget(MethodView):
    @blp.allow(*DECIDERS)
    @blp.response(200, DeliveryOut)
    @raises(409, "invalid_transition")
    def post(self, delivery_id):
        """Never send an ``uncertain`` mail again: it becomes ``forgotten``.

        409 ``invalid_transition`` for a mail that is not uncertain.
        """
        with db.begin() as session:
            delivery = actions.forget(session, delivery_id, actor=caller(), now=utcnow())
        outcomes.labels(delivery.topic, "forgotten").inc()
        return delivery
