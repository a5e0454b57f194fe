"""``/v2/tenants/{tenantUid}/customergroups``: groups of customers that campaigns can be meant for (S1-37)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from services.promotions.catalogue import customer_group_actions as actions
from services.promotions.catalogue import customer_group_queries as queries
from services.promotions.catalogue.store_schemas import CustomerGroupChangeIn, CustomerGroupIn, CustomerGroupOut
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, own_tenant
from services.promotions.sales import warning_api

blp = Blueprint("customer_groups", __name__, url_prefix=f"{PREFIX}/customergroups", feature=FEATURE)


@blp.route("")
class CustomerGroups(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(CustomerGroupOut))
    def get(self, page):
        """The tenant's customer groups, by uid."""
        with db.read() as session:
            return queries.customer_groups(session, **page)

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(CustomerGroupIn)
    @blp.response(201, CustomerGroupOut)
    def post(self, data):
        """A new customer group."""
        with db.begin() as session:
            group = actions.create(session, **data, actor=caller(), now=utcnow())
        versions.set_etag(group)
        return group


@blp.route("/<customer_group_uid>")
class OneCustomerGroup(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, CustomerGroupOut)
    def get(self, customer_group_uid):
        """One customer group."""
        with db.read() as session:
            group = queries.customer_group(session, customer_group_uid)
        versions.set_etag(group)
        return group

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(CustomerGroupChangeIn)
    @blp.response(200, CustomerGroupOut)
    def put(self, data, customer_group_uid):
        """Give a customer group another name."""
        with db.begin() as session:
            group = actions.rename(
                session, customer_group_uid, data["name"], expected=versions.if_match(), actor=caller(), now=utcnow()
            )
        versions.set_etag(group)
        return group, 200, warning_api.header(*warning_api.ignored(CustomerGroupChangeIn, group))
