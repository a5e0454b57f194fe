"""``…/campaigns/{campaignUid}/warnings``: what to know about a campaign before it is activated, and afterwards."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.current import db
from services.promotions.common.api import TenantBlueprint
from services.promotions.sales import queries as sales_queries
from services.promotions.sales import warning_queries
from services.promotions.sales.schemas import WarningsOut

blp = TenantBlueprint("warnings", __name__, "/campaigns")


@blp.route("/<campaign_uid>/warnings")
class Warnings(MethodView):
    @blp.admins
    @blp.response(200, WarningsOut)
    def get(self, campaign_uid):
        """Overlaps, prices below cost or of nothing, an end in the past, an empty selection, names that nothing has."""
        with db.read() as session:
            campaign = sales_queries.campaign(session, campaign_uid)
            warnings = warning_queries.warnings(session, campaign, now=utcnow())
        return {"campaign_uid": campaign_uid, "warnings": warnings}
