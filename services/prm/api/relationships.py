"""``/api/v1/prm/relationships``: both sides see theirs; one asks, the other answers, the supplier leads (D10)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from contracts import features
from contracts.roles import RETAILERS, Role
from services.prm import identity_client, rules
from services.prm.actions import relationships as actions
from services.prm.queries import relationships as queries
from services.prm.rules import Step
from services.prm.schemas import RelationshipIn, RelationshipOut, RelationshipsIn

BOTH = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN)
READERS = (Role.SUPPLIER_ADMIN, *RETAILERS)

blp = Blueprint("relationships", __name__, url_prefix="/api/v1/prm/relationships", feature=features.PRM)


@blp.route("")
class Relationships(MethodView):
    @blp.allow(*BOTH)
    @blp.arguments(RelationshipIn)
    @blp.response(201, RelationshipOut)
    @raises(409, "relationship_exists")
    def post(self, partner_ids):
        """A supplier invites a retailer (Invited), or a retailer asks a supplier (Pending)."""
        side = rules.side_of(caller().role)
        partner_id = rules.partner_of(side, **partner_ids)
        partner = identity_client.find(partner_id, side.other, field=rules.partner_field(side))
        with db.begin() as session:
            relationship = actions.begin(session, partner, actor=caller(), now=utcnow())
        return versions.set_etag(relationship)

    @blp.allow(*READERS)
    @blp.arguments(RelationshipsIn, location="query")
    @blp.response(200, page_of(RelationshipOut))
    def get(self, filters):
        """The caller's relationships, newest first."""
        with db.read() as session:
            return queries.relationships(session, **filters)


@blp.route("/<uuid:relationship_id>")
class OneRelationship(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, RelationshipOut)
    def get(self, relationship_id):
        """One relationship of the caller."""
        with db.read() as session:
            relationship = queries.relationship(session, relationship_id)
        return versions.set_etag(relationship)


@blp.route("/<uuid:relationship_id>/accept")
class Accept(MethodView):
    @blp.allow(*BOTH)
    @blp.response(200, RelationshipOut)
    @raises(409, "invalid_transition")
    def post(self, relationship_id):
        """The side that was asked accepts."""
        return take(Step.ACCEPT, relationship_id)


@blp.route("/<uuid:relationship_id>/decline")
class Decline(MethodView):
    @blp.allow(*BOTH)
    @blp.response(200, RelationshipOut)
    @raises(409, "invalid_transition")
    def post(self, relationship_id):
        """The side that was asked declines."""
        return take(Step.DECLINE, relationship_id)


@blp.route("/<uuid:relationship_id>/pause")
class Pause(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(200, RelationshipOut)
    @raises(409, "invalid_transition")
    def post(self, relationship_id):
        """Pause an active relationship; it still exists."""
        return take(Step.PAUSE, relationship_id)


@blp.route("/<uuid:relationship_id>/resume")
class Resume(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(200, RelationshipOut)
    @raises(409, "invalid_transition")
    def post(self, relationship_id):
        """Resume a paused relationship."""
        return take(Step.RESUME, relationship_id)


@blp.route("/<uuid:relationship_id>/end")
class End(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(200, RelationshipOut)
    @raises(409, "invalid_transition")
    def post(self, relationship_id):
        """End a relationship, or withdraw an invitation; the retailer loses its tier."""
        return take(Step.END, relationship_id)


def take(step, relationship_id):
    with db.begin() as session:
        relationship = actions.take_step(
            session, relationship_id, step, expected=versions.if_match(), actor=caller(), now=utcnow()
        )
    return versions.set_etag(relationship)
