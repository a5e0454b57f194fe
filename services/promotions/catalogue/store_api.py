"""``/v2/tenants/{tenantUid}/stores`` and ``…/customergroups``: where a tenant sells, and to whom (S1-37)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from services.promotions.catalogue import store_actions, store_queries
from services.promotions.catalogue.schemas import (
    CustomerGroupChangeIn,
    CustomerGroupIn,
    CustomerGroupOut,
    StoreChangeIn,
    StoreIn,
    StoreOut,
)
from services.promotions.common.api import TenantBlueprint, tagged, updated

blp = TenantBlueprint("stores", __name__, "/stores")


@blp.route("")
class Stores(MethodView):
    @blp.readers
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(StoreOut))
    def get(self, page):
        """The tenant's stores, by uid."""
        with db.read() as session:
            return store_queries.stores(session, **page)

    @blp.admins
    @blp.arguments(StoreIn)
    @blp.response(201, StoreOut)
    @raises(409, "store_exists")
    @raises(422, "unknown_pricelist")
    def post(self, data):
        """A new store."""
        with db.begin() as session:
            store = store_actions.create_store(session, data, actor=caller(), now=utcnow())
        return tagged(store)


@blp.route("/<store_uid>")
class OneStore(MethodView):
    @blp.readers
    @blp.response(200, StoreOut)
    def get(self, store_uid):
        """One store."""
        with db.read() as session:
            return tagged(store_queries.store(session, store_uid))

    @blp.admins
    @blp.arguments(StoreChangeIn)
    @blp.response(200, StoreOut)
    @raises(422, "unknown_pricelist")
    def put(self, data, store_uid):
        """Change what is named; what is left out stays as it is."""
        with db.begin() as session:
            store = store_actions.change_store(
                session, store_uid, data, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return updated(store, StoreChangeIn)


customer_groups_blp = TenantBlueprint("customer_groups", __name__, "/customergroups")


@customer_groups_blp.route("")
class CustomerGroups(MethodView):
    @customer_groups_blp.readers
    @customer_groups_blp.arguments(PageIn, location="query")
    @customer_groups_blp.response(200, page_of(CustomerGroupOut))
    def get(self, page):
        """The tenant's customer groups, by uid."""
        with db.read() as session:
            return store_queries.customer_groups(session, **page)

    @customer_groups_blp.admins
    @customer_groups_blp.arguments(CustomerGroupIn)
    @customer_groups_blp.response(201, CustomerGroupOut)
    @raises(409, "customer_group_exists")
    def post(self, data):
        """A new customer group."""
        with db.begin() as session:
            group = store_actions.create_customer_group(session, **data, actor=caller(), now=utcnow())
        return tagged(group)


@customer_groups_blp.route("/<customer_group_uid>")
class OneCustomerGroup(MethodView):
    @customer_groups_blp.readers
    @customer_groups_blp.response(200, CustomerGroupOut)
    def get(self, customer_group_uid):
        """One customer group."""
        with db.read() as session:
            return tagged(store_queries.customer_group(session, customer_group_uid))

    @customer_groups_blp.admins
    @customer_groups_blp.arguments(CustomerGroupChangeIn)
    @customer_groups_blp.response(200, CustomerGroupOut)
    def put(self, data, customer_group_uid):
        """Give a customer group another name."""
        with db.begin() as session:
            group = store_actions.rename_customer_group(
                session, customer_group_uid, data["name"], expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        return updated(group, CustomerGroupChangeIn)
