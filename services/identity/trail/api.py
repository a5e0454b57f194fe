"""The trail of what was changed here (D8)."""

from flask.views import MethodView

from chassis.core.principal import caller
from chassis.http.audit_trail import AuditIn
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from contracts.roles import Role
from services.identity.trail import queries
from services.identity.trail.schemas import TrailOut

blp = Blueprint("audit", __name__, url_prefix="/api/v1/admin/audit")


@blp.route("")
class Audit(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN, Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN)
    @blp.arguments(AuditIn, location="query")
    @blp.response(200, page_of(TrailOut))
    def get(self, query):
        """The operator reads every change, a tenant's admin those of the own tenant."""
        with db.read() as session:
            return queries.audit_trail(session, caller(), **query)
