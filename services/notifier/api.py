"""Endpoints: what was delivered, and the development mailbox."""

from pathlib import Path

from flask import Response, abort, current_app
from flask.views import MethodView

from chassis.identity import Role
from chassis.pages import page_of
from chassis.service import settings_of
from chassis.web import Blueprint, db
from services.notifier import mailbox, queries, settings
from services.notifier.letters import templates
from services.notifier.schemas import DeliveriesIn, DeliveryOut, MailboxIn, MailOut

ON_PAGE = 50
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'self'"

notifications = Blueprint("notifications", __name__, url_prefix="/api/v1/notifications")
development = Blueprint("development", __name__, url_prefix="/dev")


@notifications.route("/deliveries")
class Deliveries(MethodView):
    @notifications.allow(Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN, Role.PLATFORM_ADMIN)
    @notifications.arguments(DeliveriesIn, location="query")
    @notifications.response(200, page_of(DeliveryOut))
    def get(self, wanted):
        """What was sent to whom, when and with what outcome, newest first."""
        with db.read() as session:
            return queries.deliveries(session, **wanted)


def folder() -> Path:
    """Where the development mailbox is; without one these addresses do not exist."""
    found = settings.mailbox(settings_of(current_app))
    if found is None:
        abort(404)
    return found


@development.before_request
def only_where_there_is_one() -> None:
    folder()


@development.route("/mailbox.json")
class MailboxJson(MethodView):
    @development.public
    @development.arguments(MailboxIn, location="query")
    @development.response(200, MailOut(many=True))
    def get(self, wanted):
        """The newest 500 mails of the development mailbox, newest first."""
        return mailbox.newest(folder(), **wanted)


@development.route("/mailbox")
class MailboxPage(MethodView):
    @development.public
    @development.arguments(MailboxIn, location="query")
    @development.response(200)
    def get(self, wanted):
        """The newest mails of the development mailbox to look at."""
        mails = mailbox.newest(folder(), limit=ON_PAGE, **wanted)
        page = templates().get_template("mailbox.html").render(mails=mails, to=wanted["to"] or "")
        return Response(page, mimetype="text/html", headers={"Content-Security-Policy": POLICY})
