"""Endpoints of a campaign's tracking links."""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from chassis.process.service import settings_of
from services.affiliates.campaigns.queries import get_campaign
from services.affiliates.common.dual_mount import MERCHANT, READERS, DualMount
from services.affiliates.links import actions, queries
from services.affiliates.links.schemas import LinkIn, LinkOut, LinksIn

blp = DualMount("links", path="campaigns")


@blp.route("/<uuid:campaign_id>/links")
class Links(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(LinksIn, location="query")
    @blp.response(200, page_of(LinkOut))
    def get(self, filters, campaign_id):
        """A campaign's links, newest first."""
        with db.read() as session:
            get_campaign(session, campaign_id, utcnow())
            return queries.list_links(session, campaign_id, **filters, base=settings_of(current_app).public_url)

    @blp.allow(*MERCHANT)
    @blp.arguments(LinkIn)
    @blp.response(201, LinkOut)
    @raises(409, "affiliate_not_approved")
    def post(self, link, campaign_id):
        """Create a link for an approved affiliate to spread."""
        with db.begin() as session:
            created = actions.create_link(session, campaign_id, **link, actor=caller(), now=utcnow())
        return queries.shown(created, settings_of(current_app).public_url)
