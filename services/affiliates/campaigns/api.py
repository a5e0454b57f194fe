"""Endpoints of campaigns: the merchant's (S2-1 … S2-6), the operator's (D30, S2-23) and the public listing (S2-24)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as, caller
from chassis.http import audit_trail, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from contracts.error_formats import MERCHANT as MERCHANT_ERRORS
from contracts.roles import Role
from services.affiliates.campaigns import actions, queries
from services.affiliates.campaigns.rules import Visibility
from services.affiliates.campaigns.schemas import (
    CampaignChangeIn,
    CampaignCreatedOut,
    CampaignIn,
    CampaignOut,
    CampaignsIn,
    PublicCampaignOut,
    VisibilityIn,
)
from services.affiliates.common.dual_mount import MERCHANT, READERS, DualMount, location

CACHE_SECONDS = 30

blp = DualMount("campaigns")
admin = Blueprint("admin", __name__, url_prefix="/api/v1/admin/affiliate-campaigns")
public = Blueprint("public", __name__, url_prefix="/api/v1/public", error_format=MERCHANT_ERRORS)


@blp.route("")
class Campaigns(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(CampaignsIn, location="query")
    @blp.response(200, page_of(CampaignOut))
    def get(self, filters):
        """The merchant's campaigns, newest first."""
        with db.read() as session:
            return queries.list_campaigns(session, **filters, now=utcnow())

    @blp.allow(*MERCHANT)
    @blp.arguments(CampaignIn)
    @blp.response(201, CampaignCreatedOut)
    def post(self, campaign):
        """Create a campaign with default commission, cookie duration and optional approval requirement."""
        with db.begin() as session:
            created = actions.create_campaign(session, campaign, actor=caller(), now=utcnow())
        return versions.set_etag(created), 201, location(created.id)


@blp.route("/<uuid:campaign_id>")
class OneCampaign(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, CampaignOut)
    def get(self, campaign_id):
        """One of the merchant's campaigns."""
        with db.read() as session:
            campaign = queries.get_campaign(session, campaign_id, utcnow())
        return versions.set_etag(campaign)

    @blp.allow(*MERCHANT)
    @blp.arguments(CampaignChangeIn)
    @blp.response(200, CampaignOut)
    @raises(409, "invalid_transition", "campaign_expired", "approval_required")
    def patch(self, changes, campaign_id):
        """Partially update a campaign; ``status`` ARCHIVED archives it."""
        return _change(actions.change_campaign, campaign_id, changes, expected=versions.if_match())


@blp.route("/<uuid:campaign_id>/activate")
class Activate(MethodView):
    @blp.allow(*MERCHANT)
    @blp.response(200, CampaignOut)
    @raises(409, "invalid_transition", "campaign_expired", "approval_required")
    def post(self, campaign_id):
        """Activate a campaign. Blocked if approval is required and not yet granted."""
        return _change(actions.activate_campaign, campaign_id, expected=versions.if_match())


@blp.route("/<uuid:campaign_id>/pause")
class Pause(MethodView):
    @blp.allow(*MERCHANT)
    @blp.response(200, CampaignOut)
    @raises(409, "invalid_transition")
    def post(self, campaign_id):
        """Pause an active campaign. Existing links stop converting until reactivated."""
        return _change(actions.pause_campaign, campaign_id, expected=versions.if_match())


for blueprint in blp.blueprints:
    audit_trail.serve(blueprint, *READERS)


@admin.route("/<uuid:campaign_id>/approve")
class ApproveCampaign(MethodView):
    @admin.allow(Role.PLATFORM_ADMIN)
    @admin.response(200, CampaignOut)
    def post(self, campaign_id):
        """Approve a merchant's campaign."""
        return _change(actions.approve_campaign, campaign_id)


@admin.route("/<uuid:campaign_id>/visibility")
class CampaignVisibility(MethodView):
    @admin.allow(Role.PLATFORM_ADMIN)
    @admin.arguments(VisibilityIn)
    @admin.response(200, CampaignOut)
    def put(self, listing, campaign_id):
        """Opt a merchant's campaign in to the public listing, or out of it."""
        return _change(actions.show_campaign, campaign_id, Visibility(listing["visibility"]))


def _change(action, campaign_id, *values, **options):
    with db.begin() as session:
        campaign = action(session, campaign_id, *values, **options, actor=caller(), now=utcnow())
    return versions.set_etag(campaign)


@public.route("/campaigns")
class PublicCampaigns(MethodView):
    @public.public
    @public.arguments(PageIn, location="query")
    @public.response(200, page_of(PublicCampaignOut))
    def get(self, page):
        """Campaigns that opted in, are active and approved, newest first. Caches may keep a page for half a minute."""
        with acting_as(Principal.system("affiliates")), db.read() as session:
            campaigns = queries.list_public_campaigns(session, **page, now=utcnow())
        return campaigns, 200, {"Cache-Control": f"public, max-age={CACHE_SECONDS}"}
