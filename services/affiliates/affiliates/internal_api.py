"""What identity asks about an affiliate, to show or forget what is kept of one who has no account; the gateway does not
route here."""

from flask.views import MethodView

from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.services import IDENTITY
from services.affiliates.affiliates import queries
from services.affiliates.affiliates.schemas import KnownAffiliateOut

blp = Blueprint("internal-affiliates", __name__, url_prefix="/internal/affiliates")


@blp.route("/<uuid:affiliate_id>")
class InternalAffiliate(MethodView):
    @blp.allow_senders(IDENTITY)
    @blp.response(200, KnownAffiliateOut)
    def get(self, affiliate_id):
        """Whose affiliate it is, by which address, and who signs in as it."""
        with db.read() as session:
            return queries.get_affiliate(session, affiliate_id)
