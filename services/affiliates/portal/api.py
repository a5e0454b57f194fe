"""``/affiliate/api/v1``: an affiliate reads its own campaigns, links, clicks, conversions, balance and statements.

Nothing is written here: links are made by the merchant, as S2 has it.
"""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts import features
from contracts.roles import Role
from services.affiliates.affiliates.queries import own_enrolment
from services.affiliates.payouts.schemas import OwnStatementOut
from services.affiliates.portal import queries, schemas
from services.affiliates.reports.api import AS_CSV, pop_layout, respond
from services.affiliates.reports.schemas import DaysIn

CLICKS = ["day", "clicks", "deadClicks"]
STATEMENT = ["currency", "from", "to", "opening", "earned", "takenBack", "closing", "held"]
COLUMNS = ["currency", "since", "until", "opening", "earned", "taken_back", "closing", "held"]

blp = Blueprint("portal", __name__, url_prefix="/affiliate/api/v1", feature=features.AFFILIATES)


@blp.route("/me")
class Me(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.response(200, schemas.EnrolmentOut)
    @raises(403, "not_enrolled")
    def get(self):
        """The caller as an affiliate: name, address, standing, merchant."""
        with db.read() as session:
            return queries.enrolment(session, own_enrolment(session), utcnow())


@blp.route("/campaigns")
class Campaigns(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.arguments(schemas.OwnCampaignsIn, location="query")
    @blp.response(200, page_of(schemas.OwnCampaignOut))
    @raises(403, "not_enrolled")
    def get(self, filters):
        """The merchant's campaigns that are open to the caller, and all in which the caller has links, newest first."""
        with db.read() as session:
            return queries.campaigns(session, own_enrolment(session), **filters, now=utcnow())


@blp.route("/campaigns/<uuid:campaign_id>")
class OneCampaign(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.response(200, schemas.OwnCampaignOut)
    @raises(403, "not_enrolled")
    def get(self, campaign_id):
        """One of these campaigns."""
        with db.read() as session:
            return queries.campaign(session, own_enrolment(session), campaign_id, utcnow())


@blp.route("/links")
class Links(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.arguments(schemas.OwnLinksIn, location="query")
    @blp.response(200, page_of(schemas.OwnLinkOut))
    @raises(403, "not_enrolled")
    def get(self, filters):
        """The caller's tracking links, newest first. The merchant makes them."""
        base = settings_of(current_app).public_url
        with db.read() as session:
            return queries.links(session, own_enrolment(session), **filters, base=base)


@blp.route("/clicks")
class Clicks(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.arguments(schemas.ClicksIn, location="query")
    @blp.doc(responses=AS_CSV)
    @blp.response(200, page_of(schemas.ClicksOut))
    @raises(403, "not_enrolled")
    def get(self, filters):
        """How often the caller's links were followed, by day; by default in the thirty days up to today."""
        layout = pop_layout(filters)
        with db.read() as session:
            rows = queries.clicks(session, own_enrolment(session), **filters, now=utcnow())
        return respond(rows, layout, CLICKS, lambda row: [row.values()], "clicks")


@blp.route("/conversions")
class Conversions(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.arguments(schemas.OwnConversionsIn, location="query")
    @blp.response(200, page_of(schemas.OwnConversionOut))
    @raises(403, "not_enrolled")
    def get(self, filters):
        """Orders that were credited to the caller, with what they earned, newest first."""
        with db.read() as session:
            return queries.conversions(session, own_enrolment(session), **filters)


@blp.route("/balance")
class Balance(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.response(200, schemas.OwnBalancesOut)
    @raises(403, "not_enrolled")
    def get(self):
        """What the caller has held and approved, by currency."""
        with db.read() as session:
            return {"items": queries.balances(session, own_enrolment(session))}


@blp.route("/statements")
class Statements(MethodView):
    @blp.allow(Role.AFFILIATE)
    @blp.arguments(DaysIn, location="query")
    @blp.doc(responses=AS_CSV)
    @blp.response(200, page_of(OwnStatementOut))
    @raises(403, "not_enrolled")
    def get(self, filters):
        """The caller's approved account over a period: opening, earned, taken back, closing; and what is held."""
        layout = pop_layout(filters)
        with db.read() as session:
            rows = queries.statements(session, own_enrolment(session), **filters, now=utcnow())
        return respond(rows, layout, STATEMENT, lambda row: [[row[name] for name in COLUMNS]], "statements")
