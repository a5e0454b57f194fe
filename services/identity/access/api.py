"""What other processes of ours ask; the gateway does not route here."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.services import GATEWAY, IDENTITY, SERVICES
from services.identity.access import queries
from services.identity.access.schemas import ApiKeySecretOut, FeedIn, FeedOut, UsedKeysIn, UsedKeysOut
from services.identity.api_keys import actions as api_key_actions
from services.identity.api_keys import queries as api_key_queries
from services.identity.common.context import as_identity, own_settings
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.schemas import TenantOut

blp = Blueprint("internal", __name__, url_prefix="/internal")


@blp.route("/access")
class Access(MethodView):
    @blp.allow_senders(GATEWAY)
    @blp.arguments(FeedIn, location="query")
    @blp.response(200, FeedOut)
    def get(self, query):
        with db.read() as session:
            return queries.access_feed(
                session, since=query.get("since"), token_lifetime=own_settings().token_lifetime, now=utcnow()
            )


@blp.route("/api-keys/<api_key>")
class InternalApiKey(MethodView):
    @blp.allow_senders(GATEWAY)
    @blp.response(200, ApiKeySecretOut)
    def get(self, api_key):
        """What the gateway checks signed requests with (S2-26)."""
        with db.read() as session:
            return api_key_queries.api_key_with_secret(session, api_key, own_settings().secret_box, utcnow())


@blp.route("/api-keys/used")
class UsedApiKeys(MethodView):
    @blp.allow_senders(GATEWAY)
    @blp.arguments(UsedKeysIn)
    @blp.response(200, UsedKeysOut)
    def post(self, used):
        """Store when keys were last used, which shows those that are no longer needed."""
        with db.begin() as session:
            return {"noted": api_key_actions.record_uses(session, used["ids"], now=utcnow())}


@blp.route("/tenants/<uuid:tenant_id>")
class InternalTenant(MethodView):
    @blp.allow_senders(*(name for name in SERVICES if name != IDENTITY))
    @blp.response(200, TenantOut)
    def get(self, tenant_id):
        """Any tenant that has not ended: a service asks on behalf of a supplier about a retailer."""
        with as_identity(), db.read() as session:
            return tenant_queries.living_tenant(session, tenant_id)
