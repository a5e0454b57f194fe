"""Administration of tenants and their features, for the operator only (S0-4)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from contracts.roles import Role
from services.identity.tenants import actions, queries
from services.identity.tenants.schemas import AdminTenantOut, FeaturesIn, TenantIn, TenantsIn

blp = Blueprint("tenants", __name__, url_prefix="/api/v1/admin/tenants")


@blp.route("")
class Tenants(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(TenantIn)
    @blp.response(201, AdminTenantOut)
    @raises(409, "slug_taken")
    def post(self, data):
        with db.begin() as session:
            tenant = actions.create_tenant(session, **data, actor=caller(), now=utcnow())
        return versions.set_etag(tenant)

    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(TenantsIn, location="query")
    @blp.response(200, page_of(AdminTenantOut))
    def get(self, query):
        with db.read() as session:
            return queries.list_tenants(session, **query)


@blp.route("/<uuid:tenant_id>")
class OneTenant(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(200, AdminTenantOut)
    def get(self, tenant_id):
        with db.read() as session:
            tenant = queries.tenant(session, tenant_id)
        return versions.set_etag(tenant)


@blp.route("/<uuid:tenant_id>/features")
class Features(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(FeaturesIn)
    @blp.response(200, AdminTenantOut)
    @raises(409, "tenant_ended")
    def put(self, changes, tenant_id):
        """In force at the gateway within five seconds."""
        with db.begin() as session:
            tenant = actions.switch_features(
                session, tenant_id, changes, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return versions.set_etag(tenant)
