"""``/api/v1/prm/audit``: who changed what, for the tenant's own people (D8)."""

from chassis.http import audit_trail
from chassis.http.blueprints import Blueprint
from contracts import features
from contracts.roles import RETAILERS, Role

blp = Blueprint("audit", __name__, url_prefix="/api/v1/prm/audit", feature=features.PRM)
audit_trail.serve(blp, Role.SUPPLIER_ADMIN, *RETAILERS, path="")
