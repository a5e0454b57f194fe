"""``…/stores/{storeUid}/bundle``: the signed state of a store, with which a till evaluates orders without a network."""

from flask import Response, current_app, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from services.promotions.common.api import TenantBlueprint
from services.promotions.tills.bundles import StoreCampaigns, bundles_of
from services.promotions.tills.schemas import BundleKeysOut, BundleOut, BundleQuery

blp = TenantBlueprint("bundles", __name__)


def with_store_campaigns(running: StoreCampaigns) -> TenantBlueprint:
    """The endpoints; a bundle has the store campaigns that ``running`` finds (D44)."""
    blp.record(lambda state: state.app.extensions.update(till_store_campaigns=running))
    return blp


@blp.route("/stores/<store_uid>/bundle")
class Bundle(MethodView):
    @blp.readers
    @blp.arguments(BundleQuery, location="query")
    @blp.response(200, BundleOut)
    @blp.alt_response(304, description="The version of If-None-Match is the present one.")
    def get(self, query, store_uid):
        """The whole state, or what has changed since a version that is still known."""
        bundles = bundles_of(current_app)
        bundle = bundles.current(db, caller().tenant_id, store_uid, now=utcnow())
        if request.if_none_match.contains_weak(bundle.version):
            unchanged = Response(status=304)
            unchanged.set_etag(bundle.version)
            return unchanged
        versions.set_etag(bundle)
        with db.read() as session:
            return bundles.since(session, bundle, query["since"])


@blp.route("/bundle-keys")
class BundleKeys(MethodView):
    @blp.readers
    @blp.response(200, BundleKeysOut)
    def get(self):
        """The public keys for checking bundles, as a JWKS."""
        return {"keys": [bundles_of(current_app).key.public]}
