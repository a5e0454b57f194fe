"""Who signed in or tried to: for the tenant's admins, and for the operator."""

from flask.views import MethodView

from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from contracts.roles import Role
from services.identity.sign_ins import queries
from services.identity.sign_ins.schemas import AllSignInsIn, AnySignInOut, SignInOut, SignInsIn

blp = Blueprint("sign-ins", __name__, url_prefix="/api/v1/tenant/sign-ins")
admin_blp = Blueprint("all-sign-ins", __name__, url_prefix="/api/v1/admin/sign-ins")


@blp.route("")
class SignIns(MethodView):
    @blp.allow(Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN, Role.MERCHANT_ADMIN)
    @blp.arguments(SignInsIn, location="query")
    @blp.response(200, page_of(SignInOut))
    def get(self, query):
        """The own tenant's sign-ins and failed tries, newest first."""
        with db.read() as session:
            return queries.list_sign_ins(session, tenant_id=caller().tenant_id, **query)


@admin_blp.route("")
class AllSignIns(MethodView):
    @admin_blp.allow(Role.PLATFORM_ADMIN)
    @admin_blp.arguments(AllSignInsIn, location="query")
    @admin_blp.response(200, page_of(AnySignInOut))
    def get(self, query):
        """Every sign-in and failed try, newest first, also those for accounts that do not exist."""
        with db.read() as session:
            return queries.list_sign_ins(session, **query)
