"""The own passkeys (WebAuthn)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Invalid
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from services.identity.account.factor_schemas import PasskeyIn, PasskeyOut
from services.identity.common.clients import client_of_request
from services.identity.common.context import own_settings
from services.identity.factors import actions, passkey_actions, queries, verification
from services.identity.factors.passkey_actions import Purpose
from services.identity.factors.schemas import CreationOptionsOut
from services.identity.sessions.ceremonies import refused_as, relying_party, take_challenge
from services.identity.sessions.freshness import require_fresh

blp = Blueprint("passkeys", __name__, url_prefix="/api/v1/me/passkeys", for_setup=True)


@blp.route("/options")
class PasskeyOptions(MethodView):
    @blp.allow()
    @blp.response(200, CreationOptionsOut)
    @raises(403, "step_up_required")
    def post(self):
        """What a device needs to make a passkey; needs step-up."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            user = actions.lock_owner(session, caller().user_id)
            challenge = passkey_actions.new_challenge(session, Purpose.REGISTER, user.id, now=now)
            present = [passkey.credential_id for passkey in queries.passkeys_of(session, user.id)]
        return verification.creation_options(
            relying_party(), challenge, user_id=user.id, email=user.email, name=user.name, present=present
        )


@blp.route("")
class Passkeys(MethodView):
    @blp.allow()
    @blp.arguments(PasskeyIn)
    @blp.response(201, PasskeyOut)
    @raises(403, "step_up_required")
    @raises(409, "passkey_taken", "too_many_passkeys")
    @raises(422, "passkey_refused")
    def post(self, data):
        """Keeps what a device has made for the options; needs step-up."""
        now = utcnow()
        with db.read() as session:
            require_fresh(session, caller(), now)
        with refused_as(Invalid):
            taken = take_challenge(Purpose.REGISTER, data["credential"])
            with db.begin() as session:
                return passkey_actions.add_passkey(
                    session,
                    caller().user_id,
                    **data,
                    taken=taken,
                    party=relying_party(),
                    client=client_of_request(),
                    actor=caller(),
                    now=now,
                )

    @blp.allow()
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(PasskeyOut))
    def get(self, page):
        with db.read() as session:
            return queries.list_passkeys(session, caller().user_id, **page)


@blp.route("/<uuid:passkey_id>")
class OnePasskey(MethodView):
    @blp.allow()
    @blp.response(204)
    @raises(403, "step_up_required")
    @raises(409, "second_factor_required")
    def delete(self, passkey_id):
        """Needs step-up; 409 ``second_factor_required`` where it is the last factor and the tenant requires one."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            passkey_actions.remove_passkey(
                session,
                caller().user_id,
                passkey_id,
                settings=own_settings(),
                client=client_of_request(),
                actor=caller(),
                now=now,
            )
