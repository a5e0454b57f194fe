"""What the operator decides about merchants' campaigns (D30, S2-23)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.roles import Role
from services.affiliates.campaigns import actions
from services.affiliates.campaigns.rules import Visibility
from services.affiliates.campaigns.schemas import CampaignOut, VisibilityIn

blp = Blueprint("admin", __name__, url_prefix="/api/v1/admin/affiliate-campaigns")


@blp.route("/<uuid:campaign_id>/approve")
class Approve(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(200, CampaignOut)
    def post(self, campaign_id):
        """Approve a merchant's campaign."""
        with db.begin() as session:
            campaign = actions.approve_campaign(session, campaign_id, actor=caller(), now=utcnow())
        versions.set_etag(campaign)
        return campaign


@blp.route("/<uuid:campaign_id>/visibility")
class Show(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(VisibilityIn)
    @blp.response(200, CampaignOut)
    def put(self, wanted, campaign_id):
        """Opt a merchant's campaign in to the public listing, or out of it."""
        with db.begin() as session:
            campaign = actions.show_campaign(
                session, campaign_id, Visibility(wanted["visibility"]), actor=caller(), now=utcnow()
            )
        versions.set_etag(campaign)
        return campaign
