"""``…/stores/{storeUid}/bundle``: what is active or coming in a store, signed, to evaluate without us."""

from flask import Response, current_app, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, own_tenant
from services.promotions.tills import queries
from services.promotions.tills.bundles import bundles_of
from services.promotions.tills.schemas import BundleKeysOut, BundleOut, BundleQuery

blp = Blueprint("bundles", __name__, url_prefix=PREFIX, feature=FEATURE)


@blp.route("/stores/<store_uid>/bundle")
class Bundle(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(BundleQuery, location="query")
    @blp.response(200, BundleOut)
    @blp.alt_response(304, description="The version of If-None-Match is the present one.")
    def get(self, wanted, store_uid):
        """The whole state, or what has changed since a version that is still known."""
        kept, tenant_id, now, since = bundles_of(current_app), caller().tenant_id, utcnow(), wanted["since"]
        with db.read() as session:
            built = kept.known(session, tenant_id, store_uid, now=now)
        if built is None:
            with db.begin() as session:
                built = kept.build(session, tenant_id, store_uid, now=now)
        if request.if_none_match.contains_weak(built.version):
            unchanged = Response(status=304)
            unchanged.set_etag(built.version)
            return unchanged
        with db.read() as session:
            before = queries.version(session, built.store_id, since) if since else None
        signed = built.signed if before is None else kept.key.sign(built.change_since(since, before))
        versions.set_etag(built)
        return {"version": built.version, "since": None if before is None else since, "signed": signed}


@blp.route("/bundle-keys")
class BundleKeys(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, BundleKeysOut)
    def get(self):
        """The public keys that bundles are checked with, as a JWKS."""
        return {"keys": [bundles_of(current_app).key.public]}
