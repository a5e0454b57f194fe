"""``/marketing/campaigns``: cart campaigns in S4's shapes."""

from collections.abc import Sequence

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from contracts.error_formats import MARKETING
from services.promotions.carts import campaign_actions, campaign_queries
from services.promotions.carts.campaign_schemas import CartCampaignIn, CartCampaignOut, CartCampaignsIn
from services.promotions.carts.list_schemas import list_of
from services.promotions.common.api import ADMINS, FEATURE, READERS, tagged, warning_header
from services.promotions.common.rules import Warned

PREFIX = "/marketing/campaigns"

blp = Blueprint("cart_campaigns", __name__, url_prefix=PREFIX, feature=FEATURE, error_format=MARKETING)


@blp.route("")
class CartCampaigns(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(CartCampaignsIn, location="query")
    @blp.response(200, list_of(CartCampaignOut))
    def get(self, query):
        """The tenant's cart campaigns, filtered and sorted (S4-2 to S4-5)."""
        with db.read() as session:
            return campaign_queries.campaigns(session, **query)

    @blp.allow(*ADMINS)
    @blp.arguments(CartCampaignIn)
    @blp.response(201, CartCampaignOut)
    @raises(409, "campaign_name_taken")
    @raises(422, "unknown_pricelist")
    def post(self, data):
        """Create a cart campaign; its address is in ``Location`` (S4-10)."""
        with db.begin() as session:
            campaign = campaign_actions.create_campaign(session, data, actor=caller(), now=utcnow())
        return tagged(campaign), 201, {"Location": f"{PREFIX}/{campaign.id}"} | header_for(campaign.warnings)


@blp.route("/<uuid:campaign_id>")
class CartCampaign(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, CartCampaignOut)
    def get(self, campaign_id):
        """One cart campaign (S4-12)."""
        with db.read() as session:
            return tagged(campaign_queries.campaign(session, campaign_id))

    @blp.allow(*ADMINS)
    @blp.arguments(CartCampaignIn)
    @blp.response(200, CartCampaignOut)
    @raises(409, "campaign_name_taken")
    @raises(422, "unknown_pricelist")
    def put(self, data, campaign_id):
        """Replace a cart campaign, in the version that ``dbVersion`` or ``If-Match`` names, if any (S4-14, D6)."""
        expected = versions.if_match()
        with db.begin() as session:
            campaign = campaign_actions.replace_campaign(
                session, campaign_id, data, expected=expected, actor=caller(), now=utcnow()
            )
        return tagged(campaign), 200, header_for(campaign.warnings)

    @blp.allow(*ADMINS)
    @blp.response(204)
    def delete(self, campaign_id):
        """Delete a cart campaign and its linked products (S4-17)."""
        with db.begin() as session:
            campaign_actions.delete_campaign(
                session, campaign_id, expected=versions.if_match(), actor=caller(), now=utcnow()
            )


def header_for(warnings: Sequence[Warned]) -> dict[str, str]:
    """The header that names the codes of a write's warnings, as the body does; none where there are none."""
    return warning_header(*dict.fromkeys(warned.code for warned in warnings))
