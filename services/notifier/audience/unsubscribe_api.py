"""The link in every mail that turns its kind off without signing in (RFC 8058).

A GET changes nothing, because programs check the links of mails. A POST does: mail programs send it when somebody asks
them to unsubscribe, and so does the button on the page.
"""

from flask import Response, current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.process.service import runtime_of
from contracts.error_formats import PAGE
from services.notifier import topics
from services.notifier.audience import preferences as actions
from services.notifier.audience import unsubscribe_links
from services.notifier.common.templates import templates

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
DESCRIPTIONS = {topic.name: topic.description for topic in topics.ALL} | {
    "daily": "what comes in your daily summary",
    "weekly": "what comes in your weekly summary",
}

blp = Blueprint("unsubscribe", __name__, url_prefix="/unsubscribe", error_format=PAGE)


@blp.route("/<token>")
class Unsubscribe(MethodView):
    @blp.public
    @blp.response(200)
    def get(self, token):
        """A page that asks; it changes nothing."""
        _user_id, kind = unsubscribe_links.read(runtime_of(current_app).signer, token)
        return _page(kind, done=False)

    @blp.public
    @blp.response(200)
    def post(self, token):
        """Turn the kind of mail off, also what waits to be sent. Ignores the body; posting again changes nothing."""
        user_id, kind = unsubscribe_links.read(runtime_of(current_app).signer, token)
        with acting_as(Principal.system("unsubscribe link")), db.begin() as session:
            actions.unsubscribe(session, user_id, kind, actor=Principal.system("unsubscribe link"), now=utcnow())
        return _page(kind, done=True)


def _page(kind: str, *, done: bool) -> Response:
    page = templates().get_template("unsubscribe.html").render(what=DESCRIPTIONS[kind], done=done)
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return Response(page, mimetype="text/html", headers=headers)
