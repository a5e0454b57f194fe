"""``/v2/tenants/{tenantUid}/campaigns``: sales campaigns as S1 documents them."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from services.promotions.common.api import TenantBlueprint, tagged, updated, warning_header
from services.promotions.sales import actions, queries, selection_actions, warning_queries
from services.promotions.sales.schemas import (
    SalesCampaignChangeIn,
    SalesCampaignIn,
    SalesCampaignOut,
    SalesCampaignsIn,
    SearchIn,
    SearchPageIn,
    WarningsOut,
)
from services.promotions.sales.selection_schemas import SelectionIn

blp = TenantBlueprint("sales", __name__, "/campaigns")


@blp.route("")
class SalesCampaigns(MethodView):
    @blp.readers
    @blp.arguments(SalesCampaignsIn, location="query")
    @blp.response(200, page_of(SalesCampaignOut))
    def get(self, query):
        """The tenant's campaigns, the newest first."""
        with db.read() as session:
            return queries.campaigns(session, **query)

    @blp.admins
    @blp.arguments(SalesCampaignIn)
    @blp.response(201, SalesCampaignOut)
    @raises(409, "campaign_exists")
    @raises(422, "unknown_customer_group", "unknown_pricelist", "unknown_store")
    def post(self, data):
        """A new campaign. It has no effect until it is activated."""
        with db.begin() as session:
            campaign = actions.create(session, data, actor=caller(), now=utcnow())
        return tagged(campaign)


@blp.route("/search")
class Search(MethodView):
    @blp.readers
    @blp.arguments(SearchPageIn, location="query")
    @blp.arguments(SearchIn)
    @blp.response(200, page_of(SalesCampaignOut))
    def post(self, pages, body):
        """Campaigns that are as the body says; pages and order stand in the query or in the body."""
        with db.read() as session:
            return queries.search(session, **(pages | body))


@blp.route("/<campaign_uid>")
class OneSalesCampaign(MethodView):
    @blp.readers
    @blp.response(200, SalesCampaignOut)
    def get(self, campaign_uid):
        """One campaign with stores, price list and selection."""
        with db.read() as session:
            return tagged(queries.seen(session, queries.campaign(session, campaign_uid)))

    @blp.admins
    @blp.arguments(SalesCampaignChangeIn(partial=True))
    @blp.response(200, SalesCampaignOut)
    @raises(409, "campaign_active", "invalid_transition")
    @raises(422, "unknown_customer_group", "unknown_pricelist", "unknown_store")
    def put(self, data, campaign_uid):
        """Change what is named; an active campaign's status only."""
        with db.begin() as session:
            campaign = actions.change(
                session, campaign_uid, data, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        with db.read() as session:  # after the commit: many products must not prolong the locks
            warnings = warning_queries.while_active(session, campaign.campaign, now=utcnow())
        return updated(campaign, SalesCampaignChangeIn, *(warning.code for warning in warnings))


@blp.route("/<campaign_uid>/warnings")
class Warnings(MethodView):
    @blp.readers
    @blp.response(200, WarningsOut)
    def get(self, campaign_uid):
        """Overlaps, prices below cost or of nothing, an end in the past, an empty selection, names that nothing has."""
        with db.read() as session:
            campaign = queries.campaign(session, campaign_uid)
            warnings = warning_queries.warnings(session, campaign, now=utcnow())
        return {"campaign_uid": campaign_uid, "warnings": warnings}


@blp.route("/<campaign_uid>/selections")
class Selections(MethodView):
    @blp.admins
    @blp.arguments(SelectionIn)
    @blp.response(200, SalesCampaignOut)
    @raises(409, "campaign_active")
    def put(self, body, campaign_uid):
        """Replace the selection of a campaign that is not active."""
        return _select(body, campaign_uid)

    @blp.admins
    @blp.arguments(SelectionIn)
    @blp.response(200, SalesCampaignOut)
    @raises(409, "campaign_active")
    def post(self, body, campaign_uid):
        """The same as PUT."""
        return _select(body, campaign_uid)


def _select(body, campaign_uid):
    with db.begin() as session:
        campaign = selection_actions.replace_selection(
            session, campaign_uid, body["create"], expected=versions.if_match(), actor=caller(), now=utcnow()
        )
        unknown = warning_queries.unknown(session, campaign.campaign)
    return tagged(campaign), 200, warning_header(*(warning.code for warning in unknown))
