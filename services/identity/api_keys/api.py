"""Administration of a tenant's API keys, for the operator only."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from contracts.roles import Role
from services.identity.api_keys import actions, queries
from services.identity.api_keys.schemas import ApiKeyIn, ApiKeyOut, IssuedKeyOut
from services.identity.common.context import own_settings
from services.identity.sessions.freshness import require_fresh

blp = Blueprint("api-keys", __name__, url_prefix="/api/v1/admin/tenants/<uuid:tenant_id>/api-keys")


@blp.route("")
class ApiKeys(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN, replay=False)
    @blp.arguments(ApiKeyIn)
    @blp.response(201, IssuedKeyOut)
    @raises(403, "step_up_required")
    @raises(409, "tenant_ended")
    def post(self, data, tenant_id):
        """The secret is shown in this answer and never again. Needs a password or factor shown a moment ago."""
        with db.begin() as session:
            require_fresh(session, caller(), utcnow())
            return actions.issue_api_key(
                session, tenant_id, **data, secret_box=own_settings().secret_box, actor=caller(), now=utcnow()
            )

    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(ApiKeyOut))
    def get(self, page, tenant_id):
        with db.read() as session:
            return queries.list_api_keys(session, tenant_id, **page)


@blp.route("/<uuid:key_id>")
class OneApiKey(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(204)
    @raises(403, "step_up_required")
    @raises(409, "invalid_transition")
    def delete(self, tenant_id, key_id):
        with db.begin() as session:
            require_fresh(session, caller(), utcnow())
            actions.remove_api_key(session, tenant_id, key_id, actor=caller(), now=utcnow())
