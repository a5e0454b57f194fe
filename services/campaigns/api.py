"""The endpoints of campaigns and invites.

Ids are UUIDs, so ``/invites`` and ``/audit`` are never read as one (S0-41).
"""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import audit_trail, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts import features
from contracts.roles import RETAILERS, Role
from services.campaigns import actions, prm_client, queries, settings
from services.campaigns.schemas import (
    CampaignChangeIn,
    CampaignDetailOut,
    CampaignOut,
    CampaignsIn,
    InboxIn,
    InboxItemOut,
    InviteOut,
    NewCampaignIn,
    ResponseIn,
    SendIn,
    SendOut,
    StatusIn,
)

PREFIX = "/api/v1/campaigns"

blp = Blueprint("campaigns", __name__, url_prefix=PREFIX, feature=features.CAMPAIGNS)


@blp.route("")
class Campaigns(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER)
    @blp.arguments(CampaignsIn, location="query")
    @blp.response(200, page_of(CampaignOut))
    def get(self, filters):
        """The supplier's campaigns with their counts, newest first: the kanban board."""
        with db.read() as session:
            return queries.campaigns(session, **filters)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(NewCampaignIn)
    @blp.response(201, CampaignOut)
    def post(self, proposal):
        """Draft a campaign. Nobody is contacted."""
        with db.begin() as session:
            campaign = actions.create_campaign(session, proposal, actor=caller(), now=utcnow())
        return versions.set_etag(campaign), 201, {"Location": f"{PREFIX}/{campaign.id}"}


@blp.route("/<uuid:campaign_id>")
class OneCampaign(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER)
    @blp.response(200, CampaignDetailOut)
    def get(self, campaign_id):
        """A campaign with its counts and the first 200 of its invites."""
        with db.read() as session:
            campaign = queries.campaign_with_invites(session, campaign_id)
        return versions.set_etag(campaign)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(CampaignChangeIn)
    @blp.response(200, CampaignOut)
    @raises(409, "not_draft")
    def put(self, proposal, campaign_id):
        """Replace a draft: what the body leaves out becomes null."""
        with db.begin() as session:
            campaign = actions.change_campaign(
                session, campaign_id, proposal, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return versions.set_etag(campaign)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(204)
    @raises(409, "not_draft")
    def delete(self, campaign_id):
        """Delete a draft."""
        with db.begin() as session:
            actions.delete_campaign(session, campaign_id, expected=versions.if_match(), actor=caller(), now=utcnow())


@blp.route("/<uuid:campaign_id>/invites")
class InvitesOfCampaign(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(InviteOut))
    def get(self, page, campaign_id):
        """All invites of a campaign, in the order they were made."""
        with db.read() as session:
            return queries.invites_of_campaign(session, campaign_id, **page)


@blp.route("/<uuid:campaign_id>/send")
class Send(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(SendIn)
    @blp.response(200, SendOut)
    @raises(409, "invalid_transition")
    @raises(422, "nobody_to_invite")
    def post(self, recipients, campaign_id):
        """Invite retailers and the members of groups, each at most once ever; a draft becomes Sent."""
        with db.read() as session:
            queries.campaign(session, campaign_id)
        network = prm_client.expand(**recipients)
        need_relationship = settings.of(settings_of(current_app)).invites_need_relationship
        with db.begin() as session:
            return actions.send_campaign(
                session,
                campaign_id,
                network,
                need_relationship=need_relationship,
                expected=versions.if_match(),
                actor=caller(),
                now=utcnow(),
            )


@blp.route("/<uuid:campaign_id>/status")
class CampaignStatus(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(StatusIn)
    @blp.response(200, CampaignOut)
    @raises(409, "invalid_transition")
    def post(self, change, campaign_id):
        """Move a sent campaign's label one step forward. Nobody is notified."""
        with db.begin() as session:
            campaign = actions.advance_campaign(
                session, campaign_id, change["status"], expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return versions.set_etag(campaign)


@blp.route("/invites")
class Inbox(MethodView):
    @blp.allow(*RETAILERS)
    @blp.arguments(InboxIn, location="query")
    @blp.response(200, page_of(InboxItemOut))
    def get(self, filters):
        """The retailer's invites, newest first."""
        with db.read() as session:
            return queries.inbox(session, **filters)


@blp.route("/invites/<uuid:invite_id>")
class OneInvite(MethodView):
    @blp.allow(*RETAILERS)
    @blp.response(200, InboxItemOut)
    def get(self, invite_id):
        """One invite of the retailer's."""
        with db.read() as session:
            item = queries.inbox_item(session, invite_id)
        return versions.set_etag(item)


@blp.route("/invites/<uuid:invite_id>/respond")
class Respond(MethodView):
    @blp.allow(Role.RETAILER_ADMIN)
    @blp.arguments(ResponseIn)
    @blp.response(200, InboxItemOut)
    @raises(409, "invite_locked")
    def post(self, response, invite_id):
        """Accept or decline, once and for good."""
        with db.begin() as session:
            actions.respond(session, invite_id, **response, expected=versions.if_match(), actor=caller(), now=utcnow())
            item = queries.inbox_item(session, invite_id)
        return versions.set_etag(item)


audit_trail.serve(blp, Role.SUPPLIER_ADMIN, *RETAILERS)
