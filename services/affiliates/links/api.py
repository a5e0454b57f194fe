"""A campaign's tracking links."""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.process.service import settings_of
from services.affiliates import queries
from services.affiliates.affiliates import actions
from services.affiliates.affiliates.schemas import LinkIn, LinkOut, LinksIn
from services.affiliates.common.dual_mount import MERCHANT, Doors

doors = Doors("links", path="campaigns", steers_links=True)


@doors.route("/<uuid:campaign_id>/links")
class Links(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(LinksIn, location="query")
    @doors.response(200, page_of(LinkOut))
    def get(self, wanted, campaign_id):
        """A campaign's links, newest first."""
        with db.read() as session:
            queries.campaigns.campaign(session, campaign_id, utcnow())
            return queries.affiliates.links(session, campaign_id, **wanted, base=_base())

    @doors.allow(*MERCHANT)
    @doors.arguments(LinkIn)
    @doors.response(201, LinkOut)
    def post(self, link, campaign_id):
        """A link that an approved affiliate spreads."""
        with db.begin() as session:
            made = actions.make_link(session, campaign_id, **link, actor=caller(), now=utcnow())
        return queries.affiliates.shown(made, _base())


def _base():
    return settings_of(current_app).public_url
