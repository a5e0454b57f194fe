"""The own account: who am I (S0-3), my name, language, password and settings."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import caller
from chassis.data.unit_of_work import outside_unit
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from services.identity.account import actions, password_actions, queries
from services.identity.account.schemas import MeChangeIn, MeOut, PasswordChangeIn, SettingsIn
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.passwords import rules as password_rules
from services.identity.passwords.hashing import hash_password
from services.identity.sessions import tries
from services.identity.sign_ins.rules import How, Outcome
from services.identity.users.models import User

blp = Blueprint("me", __name__, url_prefix="/api/v1/me", for_setup=True)


@blp.route("")
class Me(MethodView):
    @blp.allow()
    @blp.response(200, MeOut)
    @raises(403, "no_account")
    def get(self):
        with db.read() as session:
            return queries.profile(session, caller())

    @blp.allow()
    @blp.arguments(MeChangeIn)
    @blp.response(200, MeOut)
    @raises(403, "no_account")
    def patch(self, changes):
        """A new name is in access tokens from the next one on."""
        with db.begin() as session:
            actions.change_profile(session, changes, actor=caller(), now=utcnow())
            return queries.profile(session, caller())


@blp.route("/password")
class MyPassword(MethodView):
    @blp.allow()
    @blp.arguments(PasswordChangeIn)
    @blp.response(204)
    @raises(403, "no_account")
    @raises(409, "no_password")
    @raises(422, "wrong_password", "weak_password")
    @raises(429, "too_many_attempts")
    def post(self, data):
        """The other sessions end. Wrong passwords count, and are recorded, as at sign-in."""
        with db.read() as session:
            user, tenant = queries.person(session, caller())
        password_rules.check(data["new"], email=user.email, tenant_name=tenant.name, field="new")
        shown_hash = _prove(user, data["current"])
        new_hash = hash_password(data["new"])  # slow on purpose, so before the transaction
        with db.begin() as session:
            password_actions.change_password(
                session,
                new_hash,
                shown_hash=shown_hash,
                settings=own_settings(),
                client=client_of_request(),
                actor=caller(),
                now=utcnow(),
            )


@blp.route("/settings")
class MySettings(MethodView):
    @blp.allow()
    @blp.response(200, content_type="application/json")
    @raises(403, "no_account")
    def get(self):
        """Saved views and the like, as the client has stored them; ``{}`` where it has not."""
        with db.read() as session:
            queries.person(session, caller())
            return versions.set_etag(queries.settings_of(session, caller())).settings

    @blp.allow()
    @blp.arguments(SettingsIn)
    @blp.response(200, content_type="application/json")
    @raises(403, "no_account")
    @raises(413, "settings_too_large")
    def put(self, settings):
        """Replaces all of them: any JSON object of at most 16 KiB."""
        with db.begin() as session:
            row = actions.save_settings(session, settings, expected=versions.if_match(), actor=caller(), now=utcnow())
        return versions.set_etag(row).settings


def _prove(user: User, password: str) -> str:
    """Check a person's password between two transactions; return its hash.

    Raises:
        Conflict: ``no_password``: the person signs in without one.
        TooManyAttempts: too many wrong ones.
        Invalid: ``wrong_password``.
    """
    if user.password_hash is None:
        raise Conflict("You have no password yet. Ask for a link to set one.", code="no_password")
    with as_identity(), outside_unit():  # a try counts whatever becomes of the request
        with db.read() as session:
            attempt = tries.attempt_of(session, user.email, [user])
        tries.count(attempt, [user], How.STEP_UP)
    if tries.owner_of([user], password)[0] is None:
        tries.record_failed(user, How.STEP_UP, Outcome.WRONG_PASSWORD)
        raise Invalid.field("current", "This is not your password.", code="wrong_password")
    return user.password_hash
