"""Endpoints of products (S2-16, S2-28)."""

from flask import request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.pages import page_of
from services.affiliates.common.dual_mount import MERCHANT, READERS, DualMount
from services.affiliates.products import actions, queries
from services.affiliates.products.schemas import ProductFilterIn, ProductOut, ProductsIn, ProductsOut, read_products

MAX_BODY = 4 * 1024 * 1024  # of 5,000 products with long names

blp = DualMount("products")


def _accept_bulk():
    request.max_content_length = MAX_BODY


for _blueprint in blp.blueprints:
    _blueprint.before_request(_accept_bulk)


@blp.route("")
class Products(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(ProductFilterIn, location="query")
    @blp.response(200, page_of(ProductOut))
    def get(self, filters):
        """The merchant's products in the order of their ids."""
        with db.read() as session:
            return queries.list_products(session, **filters)

    @blp.allow(*MERCHANT)
    @blp.arguments(ProductsIn)
    @blp.response(202, ProductsOut)
    def post(self, body):
        """Import up to 5,000 products: new ones are created, existing ones replaced, a bad one rejects only itself."""
        offered = read_products(body["products"])
        with db.begin() as session:
            return {"results": actions.import_products(session, offered, actor=caller(), now=utcnow())}


@blp.route("/<string:external_id>")
class OneProduct(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, ProductOut)
    def get(self, external_id):
        """One product by the merchant's own id."""
        with db.read() as session:
            return queries.get_product(session, external_id)
