"""``/v2/tenants/{tenantUid}/products``: what a tenant sells."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.pages import page_of
from services.promotions.catalogue import product_actions as actions
from services.promotions.catalogue import product_queries as queries
from services.promotions.catalogue.schemas import ProductOut, ProductResultsOut, ProductsIn, ProductsQueryIn
from services.promotions.common.api import TenantBlueprint, accept_bulk

blp = TenantBlueprint("products", __name__, "/products")
blp.before_request(accept_bulk)


@blp.route("")
class Products(MethodView):
    @blp.readers
    @blp.arguments(ProductsQueryIn, location="query")
    @blp.response(200, page_of(ProductOut))
    def get(self, query):
        """The tenant's products, by uid."""
        with db.read() as session:
            return queries.products(session, **query)

    @blp.admins
    @blp.arguments(ProductsIn)
    @blp.response(200, ProductResultsOut)
    def post(self, body):
        """Write up to 5,000 products, each in whole; a bad row rejects itself only."""
        return _upsert(body["products"])

    @blp.admins
    @blp.arguments(ProductsIn)
    @blp.response(200, ProductResultsOut)
    def put(self, body):
        """The same as POST."""
        return _upsert(body["products"])


@blp.route("/<product_uid>")
class OneProduct(MethodView):
    @blp.readers
    @blp.response(200, ProductOut)
    def get(self, product_uid):
        """One product with its categories and variants."""
        with db.read() as session:
            return queries.product(session, product_uid)


def _upsert(rows):
    with db.begin() as session:
        return {"results": actions.upsert(session, rows, actor=caller(), now=utcnow())}
