"""``GET /r/{code}``: the link that a visitor follows."""

from flask import Response, current_app, request
from flask.views import MethodView

from chassis.clock import utcnow
from chassis.errors import NotFound
from chassis.service import runtime_of
from chassis.web import Blueprint
from services.affiliates import tracking
from services.affiliates.tracking.visitors import COOKIE

blp = Blueprint("redirects", __name__, url_prefix="/r")


@blp.route("/<string:code>")
class Redirect(MethodView):
    @blp.public
    @blp.response(302, description="Where the link leads, with the click's id.")
    def get(self, code):
        """Follow a tracking link; ``to`` leads deeper, to hosts that the merchant allows. HEAD is no click."""
        sent = request.environ  # cookies and queries are read only where there are any: most visitors bring none
        visit = tracking.of(runtime_of(current_app)).visit(
            code,
            cookie=request.cookies.get(COOKIE) if "HTTP_COOKIE" in sent else None,
            address=sent.get("HTTP_X_CONCORD_CLIENT") or sent.get("REMOTE_ADDR") or "",
            wanted=request.args.get("to") if sent.get("QUERY_STRING") else None,
            counts=request.method == "GET",
            now=utcnow(),
        )
        if visit.address is None:
            raise NotFound("There is no such link.")
        answer = Response(status=302, headers={"Location": visit.address})
        if visit.cookie:
            answer.headers["Set-Cookie"] = visit.cookie
        return answer
