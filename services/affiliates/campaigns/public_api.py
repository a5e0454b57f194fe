"""What anybody sees without signing in: campaigns that opted in (S2-24)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from contracts.error_formats import MERCHANT
from services.affiliates import queries
from services.affiliates.campaigns.schemas import PublicCampaignOut

KEEP_SECONDS = 30

blp = Blueprint("public", __name__, url_prefix="/api/v1/public", error_format=MERCHANT)


@blp.route("/campaigns")
class PublicCampaigns(MethodView):
    @blp.public
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(PublicCampaignOut))
    def get(self, wanted):
        """Campaigns that opted in, are active and approved, newest first. Any cache may keep it for half a minute."""
        with acting_as(Principal.system("affiliates")), db.read() as session:
            found = queries.campaigns.public_campaigns(session, **wanted, now=utcnow())
        return found, 200, {"Cache-Control": f"public, max-age={KEEP_SECONDS}"}
