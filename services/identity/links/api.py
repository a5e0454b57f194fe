"""What the notifier asks just before it sends a link by mail; the gateway does not route here."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.services import NOTIFIER
from services.identity.common.context import as_identity, own_settings
from services.identity.links import queries
from services.identity.links.schemas import LinkOut

blp = Blueprint("internal-links", __name__, url_prefix="/internal/links")


@blp.route("/<uuid:link_id>")
class InternalLink(MethodView):
    @blp.allow_senders(NOTIFIER)
    @blp.response(200, LinkOut)
    def get(self, link_id):
        """404 once it is used, replaced or over: then no mail is sent."""
        with as_identity(), db.read() as session:
            return queries.link_for_mail(session, link_id, settings=own_settings(), now=utcnow())
