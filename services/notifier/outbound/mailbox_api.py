"""The development mailbox."""

from pathlib import Path

from flask import Response, abort, current_app
from flask.views import MethodView

from chassis.http.blueprints import Blueprint
from chassis.http.problems import raises
from chassis.process.service import settings_of
from services.notifier import settings
from services.notifier.common.templates import templates
from services.notifier.outbound.channels import folder
from services.notifier.outbound.schemas import MailboxIn, MailOut

ON_PAGE = 50
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'self'"

blp = Blueprint("development", __name__, url_prefix="/dev")


def mailbox() -> Path:
    """The folder of the development mailbox; without one these routes answer 404."""
    path = settings.of(settings_of(current_app)).mailbox
    if path is None:
        abort(404)
    return path


@blp.before_request
def only_where_there_is_one() -> None:
    mailbox()


@blp.route("/mailbox.json")
class MailboxJson(MethodView):
    @blp.public
    @blp.arguments(MailboxIn, location="query")
    @blp.response(200, MailOut(many=True))
    @raises(404, "not_found")
    def get(self, search):
        """The newest 500 mails of the development mailbox, newest first."""
        return folder.newest(mailbox(), **search)


@blp.route("/mailbox")
class MailboxPage(MethodView):
    @blp.public
    @blp.arguments(MailboxIn, location="query")
    @blp.response(200)
    @raises(404, "not_found")
    def get(self, search):
        """The newest mails of the development mailbox to look at."""
        mails = folder.newest(mailbox(), limit=ON_PAGE, **search)
        page = templates().get_template("mailbox.html").render(mails=mails, to=search["to"] or "")
        return Response(page, mimetype="text/html", headers={"Content-Security-Policy": POLICY})
