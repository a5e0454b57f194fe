"""Signing in from a browser (http-contract, "Sign-in in a browser"). The refresh token is a cookie no script can read.

Each view refuses what another site had the browser send.
"""

from flask import Response
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Unauthorized
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.sessions import actions, cookies
from services.identity.sessions.ending import end_presented
from services.identity.sessions.schemas import AccessOut, SessionIn
from services.identity.sessions.signing_in import Credentials, sign_in

blp = Blueprint("session", __name__, url_prefix="/session")


@blp.route("")
class Session(MethodView):
    @blp.public
    @blp.arguments(SessionIn)
    @blp.response(200, AccessOut)
    @raises(401, "invalid_credentials", "second_factor_required")
    @raises(403, "cross_site", "tenant_suspended", "sso_required")
    @raises(429, "too_many_attempts")
    def post(self, data):
        """Sign in. It replaces a sign-in that this browser still has. Where a company lets people in by its own sign-in
        only, the answer is 403 `sso_required`, and its `signInUrl` is where that begins."""
        cookies.require_own_page()
        granted = sign_in(Credentials(**data))
        end_presented()
        cookies.keep(granted)
        return granted

    @blp.public
    @blp.response(204)
    @raises(403, "cross_site")
    def delete(self):
        """Sign out: no renewal any more, and the gateway refuses the access tokens still alive."""
        cookies.require_own_page()
        end_presented()
        if cookies.is_sent():
            cookies.clear()


@blp.route("/renew")
class Renewal(MethodView):
    @blp.public
    @blp.response(200, AccessOut)
    @blp.alt_response(204, description="No cookie: nobody is signed in.")
    @raises(401, "session_ended")
    @raises(403, "cross_site", "tenant_suspended")
    def post(self):
        """A new access token for the cookie, and a new cookie. Two tabs that renew within ten seconds share one."""
        cookies.require_own_page()
        if not cookies.is_sent():
            return Response(status=204)
        token = cookies.presented()
        with as_identity(), db.begin() as session:  # a refusal is raised after it: ending a copied family stays
            granted = token and actions.renew(
                session, token, client=client_of_request(), settings=own_settings(), now=utcnow()
            )
        if not granted:
            cookies.clear()
            raise Unauthorized("This sign-in has ended.", code="session_ended")
        cookies.keep(granted)
        return granted
