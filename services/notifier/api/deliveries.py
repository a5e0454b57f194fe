"""What was delivered."""

from flask.views import MethodView

from chassis.identity import Role
from chassis.pages import page_of
from chassis.web import Blueprint, db
from services.notifier.queries import deliveries as queries
from services.notifier.schemas.deliveries import DeliveriesIn, DeliveryOut

blp = Blueprint("notifications", __name__, url_prefix="/api/v1/notifications")


@blp.route("/deliveries")
class Deliveries(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN, Role.PLATFORM_ADMIN)
    @blp.arguments(DeliveriesIn, location="query")
    @blp.response(200, page_of(DeliveryOut))
    def get(self, wanted):
        """What was sent to whom, when and with what outcome, newest first."""
        with db.read() as session:
            return queries.deliveries(session, **wanted)
