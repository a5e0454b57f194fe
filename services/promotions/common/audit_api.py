"""``/v2/tenants/{tenantUid}/audit``: who of the tenant changed what (D8)."""

from flask.views import MethodView

from chassis.core.principal import caller
from chassis.http import audit_trail
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, own_tenant

blp = Blueprint("audit", __name__, url_prefix=f"{PREFIX}/audit", feature=FEATURE)


@blp.route("")
class Audit(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(audit_trail.AuditIn, location="query")
    @blp.response(200, page_of(audit_trail.AuditOut))
    def get(self, wanted):
        """The tenant's changes, the newest first; ``targetId`` is the ``subject`` of the events about a thing."""
        with db.read() as session:
            return audit_trail.trail(session, caller().tenant_id, **wanted)
