"""``…/campaigns/{campaignUid}/warnings``: what somebody should know before, and when, activating a campaign."""

from typing import Any

from flask import current_app, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.schemas import UpdateSchema
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, own_tenant
from services.promotions.common.warning_rules import Code
from services.promotions.common.warning_schemas import WarningsOut
from services.promotions.sales import queries as sales_queries
from services.promotions.sales import warning_queries as queries
from services.promotions.sales.queries import SeenCampaign
from services.promotions.sales.rules import Status

blp = Blueprint("warnings", __name__, url_prefix=f"{PREFIX}/campaigns", feature=FEATURE)
HEADER = "Concord-Warnings"
SHOWN_BY = {"storeUids": "stores", "pricelistUid": "pricelist", "customerGroupUid": "customerGroup"}
"""What is written, and how it is answered."""


@blp.route("/<campaign_uid>/warnings")
class Warnings(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, WarningsOut)
    def get(self, campaign_uid):
        """Overlaps, prices below cost or of nothing, an end in the past, an empty selection, names that nothing has."""
        with db.read() as session:
            campaign = sales_queries.campaign(session, campaign_uid)
            found = queries.warnings(session, campaign, now=utcnow())
        return {"campaign_uid": campaign_uid, "warnings": found}


def headers_of(shown: SeenCampaign, *ignored: Code) -> dict[str, str]:
    """The codes of what was ``ignored`` and of an active campaign's warnings, for answers whose documented body has no
    room for them."""
    if shown.campaign.status != Status.ACTIVE:
        return header(*ignored)
    with db.read() as session:
        found = queries.warnings(session, shown.campaign, now=utcnow())
    return header(*ignored, *(each.code for each in found))


def header(*codes: Code) -> dict[str, str]:
    return {HEADER: ", ".join(codes)} if codes else {}


def ignored(update: type[UpdateSchema], shown: Any) -> tuple[Code, ...]:
    """``read_only_field`` where the request's body says otherwise in a read-only field than what holds (D65).

    Args:
        shown: what is answered; of a field that was written by its uids it says nothing.
    """
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return ()
    holds = current_app.json.loads(current_app.json.dumps(update.answer().dump(shown)))
    writable = {field.data_key for field in update().load_fields.values()}
    written = {SHOWN_BY[name] for name in SHOWN_BY.keys() & body.keys()}
    others = body.keys() & holds.keys() - writable - written
    return (Code.READ_ONLY_FIELD,) if any(body[name] != holds[name] for name in others) else ()
