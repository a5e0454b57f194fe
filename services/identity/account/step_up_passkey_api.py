"""Step-up by passkey: what a stolen access token must not be enough for."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict, Forbidden
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from services.identity.account.factor_schemas import ShownPasskeyIn
from services.identity.factors import passkey_actions, queries, verification
from services.identity.factors.passkey_actions import Purpose
from services.identity.factors.schemas import RequestOptionsOut
from services.identity.sessions.ceremonies import refused_as, relying_party, take_challenge
from services.identity.sessions.freshness import freshen

blp = Blueprint("step-up-passkey", __name__, url_prefix="/api/v1/me/step-up/passkey", for_setup=True)


@blp.route("/options")
class StepUpOptions(MethodView):
    @blp.allow()
    @blp.response(200, RequestOptionsOut)
    @raises(409, "no_passkey")
    def post(self):
        """What a device needs to show one of the own passkeys; 409 ``no_passkey`` without any."""
        with db.begin() as session:
            allowed = [passkey.credential_id for passkey in queries.passkeys_of(session, caller().user_id)]
            if not allowed:
                raise Conflict("You have no passkey.", code="no_passkey")
            challenge = passkey_actions.new_challenge(session, Purpose.STEP_UP, caller().user_id, now=utcnow())
        return verification.request_options(relying_party(), challenge, allowed=allowed)


@blp.route("")
class StepUp(MethodView):
    @blp.allow()
    @blp.arguments(ShownPasskeyIn)
    @blp.response(204)
    @raises(403, "passkey_refused", "step_up_required")
    def post(self, data):
        """The own passkey as the device has shown it; this sign-in then counts as fresh for ten minutes."""
        credential, now = data["credential"], utcnow()
        with refused_as(Forbidden):
            taken = take_challenge(Purpose.STEP_UP, credential)
            if taken.user_id != caller().user_id:
                raise verification.NotVerified("somebody else's challenge")
            with db.begin() as session:
                passkey_actions.use_passkey(session, credential, taken, party=relying_party(), now=now)
                freshen(session, caller(), now)
