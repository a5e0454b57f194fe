"""``/v2/tenants/{tenantUid}/campaigns``: sales campaigns as S1 documents them."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, own_tenant
from services.promotions.sales import actions, queries, warning_api, warning_queries
from services.promotions.sales.schemas import (
    SORTS,
    SalesCampaignChangeIn,
    SalesCampaignIn,
    SalesCampaignOut,
    SalesCampaignsIn,
    SearchIn,
    SearchPageIn,
)
from services.promotions.sales.selection_schemas import SelectionIn

blp = Blueprint("sales", __name__, url_prefix=f"{PREFIX}/campaigns", feature=FEATURE)


@blp.route("")
class SalesCampaigns(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(SalesCampaignsIn, location="query")
    @blp.response(200, page_of(SalesCampaignOut))
    def get(self, wanted):
        """The tenant's campaigns, the newest first."""
        if "status" in wanted:
            wanted["statuses"] = [wanted.pop("status")]
        with db.read() as session:
            return queries.campaigns(session, **wanted)

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(SalesCampaignIn)
    @blp.response(201, SalesCampaignOut)
    def post(self, data):
        """A new campaign. It has no effect until it is activated."""
        with db.begin() as session:
            campaign = actions.create(session, data, actor=caller(), now=utcnow())
        versions.set_etag(campaign)
        return campaign


@blp.route("/search")
class Search(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(SearchPageIn, location="query")
    @blp.arguments(SearchIn)
    @blp.response(200, page_of(SalesCampaignOut))
    def post(self, pages, wanted):
        """Campaigns that are as the body says; pages and order stand in the query or in the body."""
        wanted = pages | wanted
        sort_by = wanted.pop("sort_by", None)
        direction = wanted.pop("sort_direction", "ASC" if sort_by else "DESC")
        page, page_size = wanted.pop("page_number", 1), wanted.pop("page_size", 20)
        with db.read() as session:
            return queries.campaigns(
                session,
                page=page,
                page_size=page_size,
                sort_by=SORTS[sort_by or "createdAt"],
                descending=direction == "DESC",
                **wanted,
            )


@blp.route("/<campaign_uid>")
class OneSalesCampaign(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, SalesCampaignOut)
    def get(self, campaign_uid):
        """One campaign with stores, price list and selection."""
        with db.read() as session:
            campaign = queries.seen(session, queries.campaign(session, campaign_uid))
        versions.set_etag(campaign)
        return campaign

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(SalesCampaignChangeIn(partial=True))
    @blp.response(200, SalesCampaignOut)
    def put(self, data, campaign_uid):
        """Change what is named; an active campaign's status only."""
        with db.begin() as session:
            campaign = actions.change(
                session, campaign_uid, data, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        versions.set_etag(campaign)
        return campaign, 200, warning_api.headers_of(campaign, *warning_api.ignored(SalesCampaignChangeIn, campaign))


@blp.route("/<campaign_uid>/selections")
class Selections(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(SelectionIn)
    @blp.response(200, SalesCampaignOut)
    def put(self, body, campaign_uid):
        """Say anew what the campaign is for, while it is not active."""
        return _select(body, campaign_uid)

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(SelectionIn)
    @blp.response(200, SalesCampaignOut)
    def post(self, body, campaign_uid):
        """The same as PUT."""
        return _select(body, campaign_uid)


def _select(body, campaign_uid):
    with db.begin() as session:
        campaign = actions.replace_selection(
            session, campaign_uid, body["create"], expected=versions.if_match(), actor=caller(), now=utcnow()
        )
        unknown = warning_queries.unknown(session, campaign.campaign)
    versions.set_etag(campaign)
    return campaign, 200, warning_api.header(*(each.code for each in unknown))
