"""``/api/v1/prm/audit``: who changed what, for the tenant's admins (D8)."""

from flask.views import MethodView

from chassis.audit import AuditIn, AuditOut, trail
from chassis.identity import Role, caller
from chassis.pages import page_of
from chassis.web import Blueprint, db

blp = Blueprint("audit", __name__, url_prefix="/api/v1/prm/audit", feature="prm")


@blp.route("")
class Trail(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN)
    @blp.arguments(AuditIn, location="query")
    @blp.response(200, page_of(AuditOut))
    def get(self, wanted):
        """What the caller's tenant has changed, newest first."""
        with db.read() as session:
            return trail(session, caller().tenant_id, **wanted)
