"""``/api/v1/tenant/sso``: a tenant's admins configure its identity provider; the operator lets people back in."""

from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Invalid
from chassis.core.principal import caller
from chassis.http import ssrf_guard, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts.roles import ADMINS, Role
from services.identity.common.context import own_settings
from services.identity.identity_providers import actions as identity_provider_actions
from services.identity.identity_providers import failures
from services.identity.identity_providers import queries as provider_queries
from services.identity.identity_providers.models import IdentityProvider
from services.identity.sessions.freshness import require_fresh
from services.identity.sso import provider_actions as actions
from services.identity.sso.api import CALLBACK
from services.identity.sso.provider_schemas import ProviderIn, ProviderOut
from services.identity.tenants import queries as tenant_queries

LOOPBACK = ("localhost", "127.0.0.1", "::1")

blp = Blueprint("identity_providers", __name__, url_prefix="/api/v1/tenant/sso")
operator_blp = Blueprint("sso_enforcement", __name__, url_prefix="/api/v1/admin/tenants/<uuid:tenant_id>/sso")


@blp.route("")
class TenantSso(MethodView):
    @blp.allow(*ADMINS)
    @blp.response(200, ProviderOut)
    @raises(404, "not_found")
    def get(self):
        """The tenant's identity provider; its secret is never shown."""
        with db.read() as session:
            provider = actions.require(provider_queries.provider(session, caller().tenant_id))
        return _answer(provider)

    @blp.allow(*ADMINS)
    @blp.arguments(ProviderIn)
    @blp.response(200, ProviderOut)
    @raises(403, "step_up_required")
    @raises(409, "sso_untried")
    @raises(422, "role_does_not_fit")
    def put(self, data):
        """Configure it; needs a fresh password or factor (403 `step_up_required`)."""
        _require_issuer(data["issuer"])
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            provider = actions.configure(
                session,
                caller().tenant_id,
                **data,
                expected=versions.if_match(),
                actor=caller(),
                settings=own_settings(),
                now=now,
            )
        return _answer(provider)

    @blp.allow(*ADMINS)
    @blp.response(204)
    @raises(403, "step_up_required")
    @raises(404, "not_found")
    def delete(self):
        """Remove it; needs a fresh password or factor (403 `step_up_required`)."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            actions.remove(session, caller().tenant_id, expected=versions.if_match(), actor=caller(), now=now)


@operator_blp.route("/enforcement")
class Enforcement(MethodView):
    @operator_blp.allow(Role.PLATFORM_ADMIN)
    @operator_blp.response(204)
    @raises(403, "step_up_required")
    def delete(self, tenant_id):
        """Let a tenant's people sign in by other ways again, where its identity provider lets nobody in; needs a fresh
        password or factor (403 `step_up_required`)."""
        with db.begin() as session:
            require_fresh(session, caller(), utcnow())
            tenant = tenant_queries.tenant(session, tenant_id)
            identity_provider_actions.stop_enforcing(session, tenant.id, actor=caller(), now=utcnow())


def _answer(provider: IdentityProvider) -> dict[str, Any]:
    versions.set_etag(provider)
    own = own_settings()
    return {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "role_claim": provider.role_claim,
        "role_mapping": provider.role_mapping,
        "enforced": provider.enforced,
        "tried": provider.worked_at is not None,
        "redirect_uri": own.public_url + CALLBACK,
        "sign_in_url": failures.sign_in_url(caller().tenant_slug or str(caller().tenant_id), own),
        "updated_at": provider.updated_at,
    }


def _require_issuer(issuer: str) -> None:
    """An issuer that we may ask: https, or a provider beside us on a development machine."""
    loopback = settings_of(current_app).development
    try:
        target = ssrf_guard.parse(issuer, loopback=loopback)
        if target.scheme == "http" and target.host not in LOOPBACK:
            raise ssrf_guard.BadTarget("An issuer elsewhere needs https.")
        if urlsplit(issuer).query:
            raise ssrf_guard.BadTarget("An issuer has no query.")
    except ssrf_guard.BadTarget as error:
        raise Invalid.field("issuer", str(error)) from None
