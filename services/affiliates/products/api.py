"""Products (S2-16, S2-28)."""

from flask import request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.pages import page_of
from services.affiliates import queries
from services.affiliates.common.dual_mount import MERCHANT, Doors
from services.affiliates.products import actions
from services.affiliates.products.schemas import ProductFilterIn, ProductOut, ProductsIn, ProductsOut, read_products

MAX_BODY = 4 * 1024 * 1024  # of 5,000 products with long names

doors = Doors("products")


def _accept_bulk():
    request.max_content_length = MAX_BODY


for _blueprint in doors.blueprints:
    _blueprint.before_request(_accept_bulk)


@doors.route("")
class Products(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(ProductFilterIn, location="query")
    @doors.response(200, page_of(ProductOut))
    def get(self, wanted):
        """The merchant's products by their ids."""
        with db.read() as session:
            return queries.products.products(session, **wanted)

    @doors.allow(*MERCHANT)
    @doors.arguments(ProductsIn)
    @doors.response(202, ProductsOut)
    def post(self, body):
        """Import up to 5,000 products: new ones are created, known ones replaced, a bad one rejects only itself."""
        offered = read_products(body["products"])
        with db.begin() as session:
            return {"results": actions.import_products(session, offered, actor=caller(), now=utcnow())}


@doors.route("/<string:external_id>")
class OneProduct(MethodView):
    @doors.allow(*MERCHANT)
    @doors.response(200, ProductOut)
    def get(self, external_id):
        """One product by the merchant's own id."""
        with db.read() as session:
            return queries.products.product(session, external_id)
