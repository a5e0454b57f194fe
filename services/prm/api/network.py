"""``/internal/network``: what campaigns and messaging ask on behalf of a supplier, whatever its ``prm`` flag says."""

from flask.views import MethodView

from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.services import CAMPAIGNS, MESSAGING
from services.prm.api import accept_long_lists
from services.prm.queries import groups as queries
from services.prm.schemas import ExpandIn, ExpandOut

blp = Blueprint("network", __name__, url_prefix="/internal/network")
blp.before_request(accept_long_lists)


@blp.route("/expand")
class Expand(MethodView):
    @blp.allow_senders(CAMPAIGNS, MESSAGING)
    @blp.arguments(ExpandIn)
    @blp.response(200, ExpandOut)
    def post(self, recipients):
        """The calling supplier's retailers among ids and members of groups, each once; changes nothing."""
        with db.read() as session:
            return queries.expand(session, caller().tenant_id, supplier_name=caller().tenant_name, **recipients)
