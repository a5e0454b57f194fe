"""The own sign-ins: where one is signed in, ending one, and showing once more who one is (step-up)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from services.identity.common.context import own_settings
from services.identity.sessions import actions, queries, step_up
from services.identity.sessions.schemas import MySessionOut, StepUpIn

blp = Blueprint("my-sessions", __name__, url_prefix="/api/v1/me", for_setup=True)


@blp.route("/sessions")
class MySessions(MethodView):
    @blp.allow()
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(MySessionOut))
    def get(self, page):
        """Where the caller is signed in, newest first."""
        with db.read() as session:
            return queries.list_sessions(
                session, caller(), **page, idle_lifetime=own_settings().idle_lifetime, now=utcnow()
            )


@blp.route("/sessions/<uuid:session_id>")
class MySession(MethodView):
    @blp.allow()
    @blp.response(204)
    def delete(self, session_id):
        """End one of the own sign-ins, also this one; its access tokens are refused within a second or two."""
        with db.begin() as session:
            actions.end_own(session, session_id, actor=caller(), now=utcnow())


@blp.route("/step-up")
class StepUp(MethodView):
    @blp.allow()
    @blp.arguments(StepUpIn)
    @blp.response(204)
    @raises(403, "step_up_impossible", "second_factor_required", "invalid_credentials")
    @raises(429, "too_many_attempts")
    def post(self, shown):
        """Show the password, or a code where there is a second factor. It counts for ten minutes."""
        step_up.prove(caller(), password=shown.get("password"), code=shown.get("code"))
