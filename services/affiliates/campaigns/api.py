"""Campaigns (S2-1 … S2-6)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from chassis.http.pages import page_of
from services.affiliates import queries
from services.affiliates.campaigns import actions
from services.affiliates.campaigns.schemas import (
    CampaignChangeIn,
    CampaignCreatedOut,
    CampaignIn,
    CampaignOut,
    CampaignsIn,
)
from services.affiliates.common.dual_mount import MERCHANT, Doors, location

doors = Doors("campaigns", steers_links=True)


@doors.route("")
class Campaigns(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(CampaignsIn, location="query")
    @doors.response(200, page_of(CampaignOut))
    def get(self, wanted):
        """The merchant's campaigns, newest first."""
        with db.read() as session:
            return queries.campaigns.campaigns(session, **wanted, now=utcnow())

    @doors.allow(*MERCHANT)
    @doors.arguments(CampaignIn)
    @doors.response(201, CampaignCreatedOut)
    def post(self, campaign):
        """Create a campaign with default commission, cookie duration and optional approval requirement."""
        with db.begin() as session:
            created = actions.create_campaign(session, campaign, actor=caller(), now=utcnow())
        versions.set_etag(created)
        return created, 201, location(created.id)


@doors.route("/<uuid:campaign_id>")
class OneCampaign(MethodView):
    @doors.allow(*MERCHANT)
    @doors.response(200, CampaignOut)
    def get(self, campaign_id):
        """One of the merchant's campaigns."""
        with db.read() as session:
            campaign = queries.campaigns.campaign(session, campaign_id, utcnow())
        versions.set_etag(campaign)
        return campaign

    @doors.allow(*MERCHANT)
    @doors.arguments(CampaignChangeIn)
    @doors.response(200, CampaignOut)
    def patch(self, changes, campaign_id):
        """Partially update a campaign; ``status`` ARCHIVED puts it away."""
        with db.begin() as session:
            campaign = actions.change_campaign(
                session, campaign_id, changes, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        versions.set_etag(campaign)
        return campaign


@doors.route("/<uuid:campaign_id>/activate")
class Activate(MethodView):
    @doors.allow(*MERCHANT)
    @doors.response(200, CampaignOut)
    def post(self, campaign_id):
        """Activate a campaign. Blocked if approval is required and not yet granted."""
        with db.begin() as session:
            campaign = actions.activate_campaign(
                session, campaign_id, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        versions.set_etag(campaign)
        return campaign


@doors.route("/<uuid:campaign_id>/pause")
class Pause(MethodView):
    @doors.allow(*MERCHANT)
    @doors.response(200, CampaignOut)
    def post(self, campaign_id):
        """Pause an active campaign. Existing links stop converting until reactivated."""
        with db.begin() as session:
            campaign = actions.pause_campaign(
                session, campaign_id, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        versions.set_etag(campaign)
        return campaign


doors.serve_audit()
