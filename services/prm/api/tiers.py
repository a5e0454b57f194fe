"""``/api/v1/prm/tiers`` for the supplier and ``/api/v1/prm/my-tiers`` for the retailer (S0-42 to S0-54)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from contracts import features
from contracts.roles import RETAILERS, Role
from services.prm.actions import tiers as actions
from services.prm.queries import tiers as queries
from services.prm.schemas import AssignedOut, AssignIn, AssignmentOut, MyTierOut, TierChangeIn, TierIn, TierOut

blp = Blueprint("tiers", __name__, url_prefix="/api/v1/prm/tiers", feature=features.PRM)
my_blp = Blueprint("my_tiers", __name__, url_prefix="/api/v1/prm/my-tiers", feature=features.PRM)


@blp.route("")
class Tiers(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(TierIn)
    @blp.response(201, TierOut)
    @raises(409, "tier_limit_reached")
    def post(self, data):
        """Make a tier; a supplier can have 10 (S0-44)."""
        with db.begin() as session:
            tier = actions.create_tier(session, data, actor=caller(), now=utcnow())
        return versions.set_etag(tier)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(TierOut))
    def get(self, page):
        """The caller's tiers in their order, with benefits and assignment counts (S0-47)."""
        with db.read() as session:
            return queries.tiers(session, caller().tenant_id, **page)


@blp.route("/<uuid:tier_id>")
class OneTier(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(200, TierOut)
    def get(self, tier_id):
        """One tier of the caller."""
        with db.read() as session:
            tier = queries.tier(session, tier_id)
        return versions.set_etag(tier)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(TierChangeIn)
    @blp.response(200, TierOut)
    def put(self, data, tier_id):
        """Replace name, description, sort order and all benefits (S0-45)."""
        with db.begin() as session:
            tier = actions.replace_tier(
                session, tier_id, data, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return versions.set_etag(tier)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(204)
    def delete(self, tier_id):
        """Delete a tier with its assignments (D16)."""
        with db.begin() as session:
            actions.delete_tier(session, tier_id, expected=versions.if_match(), actor=caller(), now=utcnow())


@blp.route("/<uuid:tier_id>/assign")
class Assign(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(AssignIn)
    @blp.response(200, AssignedOut)
    @raises(422, "no_relationship")
    def post(self, data, tier_id):
        """Put a retailer on the tier; it leaves the one it held (S0-51)."""
        with db.begin() as session:
            return actions.assign(session, tier_id, data["retailer_id"], actor=caller(), now=utcnow())


@blp.route("/<uuid:tier_id>/assign/<uuid:retailer_id>")
class Unassign(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(204)
    def delete(self, tier_id, retailer_id):
        """Take a retailer off the tier."""
        with db.begin() as session:
            actions.unassign(session, tier_id, retailer_id, actor=caller(), now=utcnow())


@blp.route("/<uuid:tier_id>/assignments")
class Assignments(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(AssignmentOut))
    def get(self, page, tier_id):
        """The retailers on the tier, by name (S0-49)."""
        with db.read() as session:
            return queries.assignments(session, tier_id, **page)


@my_blp.route("")
class MyTiers(MethodView):
    @my_blp.allow(*RETAILERS)
    @my_blp.arguments(PageIn, location="query")
    @my_blp.response(200, page_of(MyTierOut))
    def get(self, page):
        """What the caller holds of all its suppliers, with the benefits (S0-54)."""
        with db.read() as session:
            return queries.tiers_held(session, caller().tenant_id, **page)
