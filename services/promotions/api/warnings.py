"""``…/campaigns/{campaignUid}/warnings``: what somebody should know before, and when, activating a campaign."""

from flask.views import MethodView

from chassis.clock import utcnow
from chassis.web import Blueprint, db
from services.promotions.api import ADMINS, FEATURE, PREFIX, own_tenant
from services.promotions.queries import sales
from services.promotions.queries import warnings as queries
from services.promotions.queries.sales import SeenCampaign
from services.promotions.rules.sales import Status
from services.promotions.schemas.warnings import WarningsOut

blp = Blueprint("warnings", __name__, url_prefix=f"{PREFIX}/campaigns", feature=FEATURE)
HEADER = "Concord-Warnings"


@blp.route("/<campaign_uid>/warnings")
class Warnings(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, WarningsOut)
    def get(self, campaign_uid):
        """Overlaps, prices below cost or of nothing, an end in the past, an empty selection."""
        with db.read() as session:
            campaign = sales.campaign(session, campaign_uid)
            found = queries.warnings(session, campaign, now=utcnow())
        return {"campaign_uid": campaign_uid, "warnings": found}


def headers_of(shown: SeenCampaign) -> dict[str, str]:
    """The codes of an active campaign's warnings, for answers whose documented body has no room for them."""
    if shown.campaign.status != Status.ACTIVE:
        return {}
    with db.read() as session:
        found = queries.warnings(session, shown.campaign, now=utcnow())
    return {HEADER: ", ".join(each.code for each in found)} if found else {}
