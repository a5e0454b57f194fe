"""``GET /r/{code}``: the link that a visitor follows. People follow it, so no response is JSON (D64)."""

from http import HTTPStatus

from flask import Response, current_app, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.blueprints import Blueprint
from chassis.process.service import runtime_of
from contracts.error_formats import PAGE
from services.affiliates.clicks import tracker
from services.affiliates.clicks.rules import no_visitor
from services.affiliates.clicks.visitors import COOKIE
from services.affiliates.links.rules import DEEP_LINK

blp = Blueprint("redirects", __name__, url_prefix="/r", error_format=PAGE)


@blp.route("/<path:code>")
class Redirect(MethodView):
    @blp.public
    @blp.response(302, description="Where the link leads, with the click's id.")
    def get(self, code):
        """Follow a tracking link.

        ``to`` leads deeper, to the link's own host and those that the merchant allows; other query parameters go on to
        the shop. Capitals and punctuation around the code do not matter. Robots, previews and prefetches are redirected
        as well, but their clicks do not count.
        """
        environ = request.environ  # most requests have neither cookies nor a query; parsing none is faster
        query = environ.get("QUERY_STRING", "")
        visit = tracker.of(runtime_of(current_app)).visit(
            code,
            cookie=request.cookies.get(COOKIE) if "HTTP_COOKIE" in environ else None,
            address=environ.get("HTTP_X_CONCORD_CLIENT") or environ.get("REMOTE_ADDR") or "",
            deep_link=request.args.get(DEEP_LINK) if query else None,
            query=query,
            no_visitor=no_visitor(request.method, environ),
            now=utcnow(),
        )
        return Response(status=302, headers=visit.headers)


def outdate_links(response):
    """Make redirects of this process follow a change at once; other processes follow within a second."""
    if request.method not in ("GET", "HEAD") and response.status_code < HTTPStatus.BAD_REQUEST:
        tracker.of(runtime_of(current_app)).links.outdate()
    return response
