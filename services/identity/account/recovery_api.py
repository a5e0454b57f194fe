"""A forgotten password: asking for a link by mail, and setting a new password with it.

Neither endpoint looks at cookies or at where a request comes from. What a foreign page could make a browser send has
no power of the person in it: a reset needs the token of the mail and signs nobody in, and everybody may ask for a mail.
The bodies are JSON, which no form of a foreign page can send.
"""

from flask.views import MethodView

from chassis.http.blueprints import Blueprint
from chassis.http.problems import raises
from services.identity.account import recovery
from services.identity.account.schemas import RecoverIn, RecoverOut, ResetIn

blp = Blueprint("recovery", __name__, url_prefix="/session")


@blp.route("/recover")
class Recover(MethodView):
    @blp.public_once("email")
    @blp.arguments(RecoverIn)
    @blp.response(202, RecoverOut)
    def post(self, data):
        """Always 202, in the same time. Who has an account gets a mail with a link that is good once, for an hour."""
        recovery.ask(data["email"])
        return {}


@blp.route("/reset")
class Reset(MethodView):
    @blp.public_once("token")
    @blp.arguments(ResetIn)
    @blp.response(204)
    @raises(422, "link_invalid", "weak_password")
    def post(self, data):
        """All sessions end, and nobody is signed in by it. A password that is refused does not use the link up."""
        recovery.reset(data["token"], data["password"])
