"""``GET /r/{code}``: the link that a visitor follows. Whoever asks is a person: no answer is JSON (D64)."""

from flask import Response, current_app, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import NotFound
from chassis.http.blueprints import Blueprint
from chassis.process.service import runtime_of
from contracts.error_formats import PAGE
from services.affiliates import tracking
from services.affiliates.clicks.rules import no_visitor
from services.affiliates.clicks.visitors import COOKIE
from services.affiliates.common.addresses import DEEPER

blp = Blueprint("redirects", __name__, url_prefix="/r", error_format=PAGE)


@blp.route("/<path:code>")
class Redirect(MethodView):
    @blp.public
    @blp.response(302, description="Where the link leads, with the click's id.")
    def get(self, code):
        """Follow a tracking link.

        ``to`` leads deeper, to the link's own host and those that the merchant allows; other query parameters go on to
        the shop. Capitals and punctuation around the code do not matter. Robots, previews and prefetches are sent on,
        but theirs is no click that counts.
        """
        sent = request.environ  # cookies and queries are read only where there are any: most visitors bring none
        query = sent.get("QUERY_STRING", "")
        visit = tracking.of(runtime_of(current_app)).visit(
            code,
            cookie=request.cookies.get(COOKIE) if "HTTP_COOKIE" in sent else None,
            address=sent.get("HTTP_X_CONCORD_CLIENT") or sent.get("REMOTE_ADDR") or "",
            wanted=request.args.get(DEEPER) if query else None,
            query=query,
            nobody=no_visitor(request.method, sent),
            now=utcnow(),
        )
        if visit.address is None:
            raise NotFound("This link leads nowhere.")
        answer = Response(status=302, headers={"Location": visit.address})
        if visit.cookie:
            answer.headers["Set-Cookie"] = visit.cookie
        return answer
