"""``/api/v1/prm/audit``: who changed what, for the tenant's admins (D8)."""

from chassis import audit
from chassis.identity import Role
from chassis.web import Blueprint

blp = Blueprint("audit", __name__, url_prefix="/api/v1/prm/audit", feature="prm")
audit.serve(blp, Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, path="")
