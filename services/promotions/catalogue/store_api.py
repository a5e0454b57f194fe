"""``/v2/tenants/{tenantUid}/stores``: where a tenant sells."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from services.promotions.catalogue import store_actions as actions
from services.promotions.catalogue import store_queries as queries
from services.promotions.catalogue.store_schemas import StoreChangeIn, StoreIn, StoreOut
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, own_tenant
from services.promotions.sales import warning_api

blp = Blueprint("stores", __name__, url_prefix=f"{PREFIX}/stores", feature=FEATURE)


@blp.route("")
class Stores(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(StoreOut))
    def get(self, page):
        """The tenant's stores, by uid."""
        with db.read() as session:
            return queries.stores(session, **page)

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(StoreIn)
    @blp.response(201, StoreOut)
    def post(self, data):
        """A new store."""
        with db.begin() as session:
            store = actions.create(session, data, actor=caller(), now=utcnow())
        versions.set_etag(store)
        return store


@blp.route("/<store_uid>")
class OneStore(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, StoreOut)
    def get(self, store_uid):
        """One store."""
        with db.read() as session:
            store = queries.store(session, store_uid)
        versions.set_etag(store)
        return store

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(StoreChangeIn)
    @blp.response(200, StoreOut)
    def put(self, data, store_uid):
        """Change what is named; what is left out stays as it is."""
        with db.begin() as session:
            store = actions.change(session, store_uid, data, expected=versions.if_match(), actor=caller(), now=utcnow())
        versions.set_etag(store)
        return store, 200, warning_api.header(*warning_api.ignored(StoreChangeIn, store))
