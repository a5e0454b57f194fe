"""A forgotten password: asking for a link by mail, and setting a new password with it.

Neither endpoint looks at cookies or at where a request comes from. What a foreign page could make a browser send has
no power of the person in it: a reset needs the token of the mail and signs nobody in, and everybody may ask for a mail.
The bodies are JSON, which no form of a foreign page can send.
"""

from contextlib import suppress

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from services.identity.account import password_actions, queries
from services.identity.account.schemas import RecoverIn, RecoverOut, ResetIn
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.passwords import rules as password_rules
from services.identity.passwords.hashing import hash_password
from services.identity.sessions.throttle import TooManyAttempts

blp = Blueprint("recovery", __name__, url_prefix="/session")

log = logger(__name__)


@blp.route("/recover")
class Recover(MethodView):
    @blp.public
    @blp.arguments(RecoverIn)
    @blp.response(202, RecoverOut)
    def post(self, data):
        """Always 202, in the same time. Who has an account gets a mail with a link that is good once, for an hour."""
        ask(data["email"])
        return {}


@blp.route("/reset")
class Reset(MethodView):
    @blp.public
    @blp.arguments(ResetIn)
    @blp.response(204)
    def post(self, data):
        """All sessions end, and nobody is signed in by it. A password that is refused does not use the link up."""
        reset(data["token"], data["password"])


def ask(email: str) -> None:
    """Store that somebody wants a reset; the task does the rest. Whether an address is known is not looked up here."""
    with as_identity(), suppress(TooManyAttempts), db.begin() as session:
        password_actions.ask_reset(session, email, client=client_of_request(), now=utcnow())


def reset(token: str, password: str) -> None:
    """Set the password of the link's person.

    Raises:
        LinkInvalid: ``link_invalid``.
        Invalid: ``weak_password``; the link stays good.
    """
    settings = own_settings()
    with as_identity(), db.read() as session:
        user, tenant = queries.person_of_reset(session, token, settings=settings, now=utcnow())
    password_rules.check(password, email=user.email, tenant_name=tenant.name)
    new_hash = hash_password(password)  # slow on purpose, so before the transaction
    with as_identity(), db.begin() as session:
        password_actions.reset_password(
            session, token, new_hash, settings=settings, client=client_of_request(), now=utcnow()
        )
