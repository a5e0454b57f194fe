"""Who am I: what a client needs to know about its user to show the right sections (S0-3)."""

from flask.views import MethodView

from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from services.identity.account import queries
from services.identity.account.schemas import MeOut

blp = Blueprint("me", __name__, url_prefix="/api/v1/me", for_setup=True)


@blp.route("")
class Me(MethodView):
    @blp.allow()
    @blp.response(200, MeOut)
    def get(self):
        with db.read() as session:
            return queries.profile(session, caller())
