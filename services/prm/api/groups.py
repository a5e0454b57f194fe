"""``/api/v1/prm/groups``: retailers that a supplier addresses together."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from contracts import features
from contracts.roles import Role
from services.prm.actions import groups as actions
from services.prm.api import accept_long_lists
from services.prm.queries import groups as queries
from services.prm.schemas import GroupChangeIn, GroupIn, GroupOut

blp = Blueprint("groups", __name__, url_prefix="/api/v1/prm/groups", feature=features.PRM)
blp.before_request(accept_long_lists)


@blp.route("")
class Groups(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(GroupIn)
    @blp.response(201, GroupOut)
    @raises(409, "group_name_taken")
    def post(self, data):
        """Make a group of retailers with whom there is any relationship, also one not answered yet."""
        with db.begin() as session:
            group = actions.create_group(session, **data, actor=caller(), now=utcnow())
        return versions.set_etag(group)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(GroupOut))
    def get(self, page):
        """The caller's groups by name, each with at most its first 200 retailers."""
        with db.read() as session:
            return queries.groups(session, **page)


@blp.route("/<uuid:group_id>")
class OneGroup(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(200, GroupOut)
    def get(self, group_id):
        """One group with all its retailers."""
        with db.read() as session:
            group = queries.group(session, group_id)
        return versions.set_etag(group)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(GroupChangeIn)
    @blp.response(200, GroupOut)
    @raises(409, "group_name_taken")
    def put(self, data, group_id):
        """Replace name and retailers."""
        with db.begin() as session:
            group = actions.replace_group(
                session, group_id, **data, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return versions.set_etag(group)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.response(204)
    def delete(self, group_id):
        """Delete a group."""
        with db.begin() as session:
            actions.delete_group(session, group_id, expected=versions.if_match(), actor=caller(), now=utcnow())
