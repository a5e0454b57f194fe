"""The caller's own tenant, and how the operator changes and ends one."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from contracts.roles import VIEWERS, Role
from services.identity.common.context import own_settings
from services.identity.sessions.freshness import require_fresh
from services.identity.teams import ending, own_tenant
from services.identity.teams.schemas import EndIn
from services.identity.tenants import actions as tenant_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.schemas import AdminTenantOut, OwnTenantChangeIn, OwnTenantOut, TenantChangeIn
from services.identity.users.rules import ADMINS

blp = Blueprint("own-tenant", __name__, url_prefix="/api/v1")


@blp.route("/tenant")
class OwnTenant(MethodView):
    @blp.allow(*ADMINS, *VIEWERS)
    @blp.response(200, OwnTenantOut)
    @raises(404, "not_found")
    def get(self):
        with db.read() as session:
            tenant = tenant_queries.tenant(session, caller().tenant_id)
        return versions.set_etag(tenant)

    @blp.allow(*ADMINS)
    @blp.arguments(OwnTenantChangeIn)
    @blp.response(200, OwnTenantOut)
    @raises(403, "step_up_required")
    @raises(409, "tenant_ended")
    @raises(404, "not_found")
    def patch(self, data):
        """``secondFactorRequired`` needs a password or factor that was shown a moment ago."""
        with db.begin() as session:
            tenant = own_tenant.change(session, data, expected=versions.if_match(), actor=caller(), now=utcnow())
        return versions.set_etag(tenant)


@blp.route("/admin/tenants/<uuid:tenant_id>")
class TenantOfOperator(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(TenantChangeIn)
    @blp.response(200, AdminTenantOut)
    @raises(403, "step_up_required")
    @raises(409, "invalid_transition", "tenant_ended")
    def patch(self, data, tenant_id):
        """``suspended`` shuts the tenant out within seconds and keeps its data; taken back, it also calls off an end
        that was set. To take it back needs a password or factor that was shown a moment ago (403 `step_up_required`):
        it lets everybody of the tenant in again."""
        suspended = data.pop("suspended", None)
        with db.begin() as session:
            if suspended is False:
                require_fresh(session, caller(), utcnow())
            tenant = tenant_actions.change_tenant(
                session,
                tenant_id,
                data,
                expected=versions.if_match(),
                suspended=suspended,
                actor=caller(),
                now=utcnow(),
            )
        return versions.set_etag(tenant)

    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(EndIn, location="query")
    @blp.response(202, AdminTenantOut)
    @raises(403, "step_up_required")
    @raises(409, "not_exported", "tenant_ended", "invalid_transition")
    def delete(self, query, tenant_id):
        """Suspend a tenant now; at ``endsAt`` all that is its own goes, in every service. Until then ``PATCH`` with
        ``{"suspended": false}`` takes it back. An export of the last seven days was fetched, or ``exported=true`` says
        that the tenant has its data otherwise. Needs a password or factor that was shown a moment ago."""
        with db.begin() as session:
            require_fresh(session, caller(), utcnow())
            tenant = ending.set_end(session, tenant_id, **query, settings=own_settings(), actor=caller(), now=utcnow())
        return versions.set_etag(tenant)
