"""Signing in with a passkey: alone where its device checks who holds it, else beside the password."""

from uuid import UUID, uuid4

from flask.views import MethodView
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.errors import Unauthorized
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.common.secrets import spellings
from services.identity.factors import passkey_actions, verification
from services.identity.factors.passkey_actions import Purpose, Shown
from services.identity.factors.schemas import RequestOptionsOut
from services.identity.factors.verification import Json, NotVerified
from services.identity.sessions import actions, cookies, rules, throttle, tries
from services.identity.sessions.ceremonies import refused_as, relying_party, take_challenge
from services.identity.sessions.ending import end_presented
from services.identity.sessions.guarded import counted
from services.identity.sessions.passkey_schemas import PasskeyOptionsIn, PasskeySignInIn
from services.identity.sessions.schemas import AccessOut
from services.identity.sign_ins.rules import How, Outcome
from services.identity.signing_keys.grants import Granted
from services.identity.users import own_sign_in
from services.identity.users import queries as user_queries

blp = Blueprint("session-passkey", __name__, url_prefix="/session/passkey")


@blp.route("/options")
class SignInOptions(MethodView):
    @blp.public
    @blp.arguments(PasskeyOptionsIn)
    @blp.response(200, RequestOptionsOut)
    @raises(403, "cross_site")
    @raises(429, "too_many_attempts")
    def post(self, data):
        """What a device needs to sign in. It never lists passkeys, so that nobody learns which user names there are;
        with a `username`, no other person's passkey will do. 429 for a network that asks too often."""
        cookies.require_own_page()
        username, settings = data.get("username"), own_settings()
        with as_identity():
            with db.read() as session:
                owner = _owner(session, username) if username else None
            with db.begin() as session:
                throttle.count_network(
                    session, client_of_request(), "passkey", rules.OPTIONS_OF_NETWORK, settings=settings, now=utcnow()
                )
                challenge = passkey_actions.new_challenge(session, Purpose.SIGN_IN, owner, now=utcnow())
        return verification.request_options(relying_party(), challenge, must_verify=username is None)


@blp.route("")
class PasskeySession(MethodView):
    @blp.public
    @blp.arguments(PasskeySignInIn)
    @blp.response(200, AccessOut)
    @raises(401, "passkey_refused", "second_factor_required")
    @raises(403, "cross_site", "tenant_suspended", "sso_required")
    @raises(429, "too_many_attempts")
    def post(self, data):
        """Sign in with what a device has made of the options; answers as `POST /session`. 401 `second_factor_required`
        where the device has not checked who holds it: then send the password as well, with new options."""
        cookies.require_own_page()
        with as_identity(), refused_as(Unauthorized):
            granted = _sign_in(data["credential"], data.get("password"), keep=data["keep"])
        end_presented()
        cookies.keep(granted)
        return granted


def _owner(session: Session, username: str) -> UUID:
    """Whose passkey has to be shown. Nobody's for an unknown name: were any good, that would tell it is unknown."""
    users = user_queries.users_of_address(session, spellings(username))
    return users[0].id if users else uuid4()


def _sign_in(credential: Json, password: str | None, *, keep: bool) -> Granted:
    try:
        shown = _shown(credential)
        checked = None if shown.user_verified else _checked_hash(shown.user_id, password)
        return _start(shown.user_id, checked, keep=keep)
    except NotVerified:
        _record(credential)
        raise


def _shown(credential: Json) -> Shown:
    taken, party = take_challenge(Purpose.SIGN_IN, credential), relying_party()
    with db.begin() as session:
        return passkey_actions.use_passkey(session, credential, taken, party=party, now=utcnow())


def _checked_hash(user_id: UUID, password: str | None) -> str | None:
    """The hash that the password is right for."""
    if password is None:
        detail = "Your device has not checked that it is you. Send your password too, with new options."
        raise Unauthorized(detail, code="second_factor_required")
    with counted(user_id, How.PASSKEY) as user:
        if tries.owner_of([user], password)[0] is None:
            raise NotVerified("wrong password")
    return user.password_hash


def _start(user_id: UUID, checked_hash: str | None, *, keep: bool) -> Granted:
    now = utcnow()
    with db.begin() as session:
        user = user_queries.lock_present_user(session, user_id)
        if user is None or checked_hash not in (None, user.password_hash):
            raise NotVerified("may not sign in, or not any more with this password")
        own_sign_in.require(session, user, own_settings())
        return actions.start(
            session,
            user,
            how=How.PASSKEY,
            client=client_of_request(),
            keep=keep,
            proved_at=now,
            settings=own_settings(),
            now=now,
        )


def _record(credential: Json) -> None:
    """Record a try that failed, with the person whose passkey it was said to be."""
    with db.begin() as session:
        user = passkey_actions.claimed_owner(session, credential)
        outcome = Outcome.WRONG_PASSKEY if user else Outcome.UNKNOWN_ACCOUNT
        tries.record(session, user, How.PASSKEY, outcome, utcnow())
