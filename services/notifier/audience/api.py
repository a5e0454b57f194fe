"""The caller's preferences."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import audit_trail, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.roles import ADMINS
from services.notifier.audience import preferences as actions
from services.notifier.audience import queries
from services.notifier.audience.schemas import PreferencesIn, PreferencesOut

blp = Blueprint("preferences", __name__, url_prefix="/api/v1/notifications")


@blp.route("/preferences")
class OwnPreferences(MethodView):
    @blp.allow()
    @blp.response(200, PreferencesOut)
    def get(self):
        """The caller's preferences, with defaults for what was not chosen."""
        with db.read() as session:
            wishes = queries.own_wishes(session, caller())
        versions.set_etag(wishes)
        return wishes

    @blp.allow()
    @blp.arguments(PreferencesIn)
    @blp.response(200, PreferencesOut)
    def put(self, changes):
        """Change preferences, also for what waits to be sent. Omitted fields keep their value."""
        with db.begin() as session:
            wishes = actions.choose(session, changes, expected=versions.if_match(), actor=caller(), now=utcnow())
        versions.set_etag(wishes)
        return wishes


audit_trail.serve(blp, *ADMINS)
