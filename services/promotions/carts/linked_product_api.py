"""``/marketing/linked-products``: products that a cart can hold only together with others, in S4's shapes."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.error_formats import MARKETING
from services.promotions.carts import linked_product_actions, linked_product_queries
from services.promotions.carts.campaign_api import header_for
from services.promotions.carts.linked_product_schemas import LinkedProductsIn, LinkedProductsListIn, LinkedProductsOut
from services.promotions.carts.list_schemas import list_of
from services.promotions.common.api import ADMINS, FEATURE, READERS, tagged

PREFIX = "/marketing/linked-products"

blp = Blueprint("linked_products", __name__, url_prefix=PREFIX, feature=FEATURE, error_format=MARKETING)


@blp.route("")
class LinkedProductsList(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(LinkedProductsListIn, location="query")
    @blp.response(200, list_of(LinkedProductsOut))
    def get(self, query):
        """The tenant's linked products, filtered and sorted (S4-19)."""
        with db.read() as session:
            return linked_product_queries.linked_products(session, **query)

    @blp.allow(*ADMINS)
    @blp.arguments(LinkedProductsIn)
    @blp.response(201, LinkedProductsOut)
    def post(self, data):
        """Link a product to another one in the carts of a campaign; the address is in ``Location``."""
        with db.begin() as session:
            linked = linked_product_actions.create(session, data, actor=caller(), now=utcnow())
        return tagged(linked), 201, {"Location": f"{PREFIX}/{linked.id}"} | header_for(linked.warnings)


@blp.route("/<uuid:linked_id>")
class LinkedProducts(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, LinkedProductsOut)
    def get(self, linked_id):
        """One pair of linked products."""
        with db.read() as session:
            return tagged(linked_product_queries.link(session, linked_id))

    @blp.allow(*ADMINS)
    @blp.arguments(LinkedProductsIn)
    @blp.response(200, LinkedProductsOut)
    def put(self, data, linked_id):
        """Replace linked products, in the version that ``dbVersion`` or ``If-Match`` names, if any (S4-14, D6)."""
        expected = versions.if_match()
        with db.begin() as session:
            linked = linked_product_actions.replace(
                session, linked_id, data, expected=expected, actor=caller(), now=utcnow()
            )
        return tagged(linked), 200, header_for(linked.warnings)

    @blp.allow(*ADMINS)
    @blp.response(204)
    def delete(self, linked_id):
        """Delete linked products."""
        with db.begin() as session:
            linked_product_actions.delete_one(
                session, linked_id, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
