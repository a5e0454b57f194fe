"""``/v2/tenants/{tenantUid}/pricelists``: prices that campaigns bring into force (S1-2, S1-3, S1-14)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from services.promotions.catalogue import pricelist_actions, pricelist_queries
from services.promotions.catalogue.schemas import (
    EntryOut,
    PricelistChangeIn,
    PricelistDetailOut,
    PricelistIn,
    PricelistOut,
    PricelistProductsIn,
)
from services.promotions.common.api import TenantBlueprint, accept_bulk, tagged, updated, warning_header

blp = TenantBlueprint("pricelists", __name__, "/pricelists")
blp.before_request(accept_bulk)


@blp.route("")
class Pricelists(MethodView):
    @blp.readers
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(PricelistOut))
    def get(self, page):
        """The tenant's price lists, by uid."""
        with db.read() as session:
            return pricelist_queries.pricelists(session, **page)

    @blp.admins
    @blp.arguments(PricelistIn)
    @blp.response(201, PricelistDetailOut)
    @raises(409, "pricelist_exists")
    def post(self, data):
        """A new price list with up to 5,000 products; more are added afterwards.

        Uids that the catalogue does not have are taken, with `Concord-Warnings: unknown_product` (D68).
        """
        with db.begin() as session:
            pricelist = pricelist_actions.create(session, **data, actor=caller(), now=utcnow())
            pricelist_queries.with_products(session, pricelist)
            warnings = pricelist_queries.warnings(session, data["products"])
        return tagged(pricelist), 201, warning_header(*warnings)


@blp.route("/<pricelist_uid>")
class OnePricelist(MethodView):
    @blp.readers
    @blp.response(200, PricelistDetailOut)
    def get(self, pricelist_uid):
        """One price list with its first 200 products."""
        with db.read() as session:
            return tagged(pricelist_queries.with_products(session, pricelist_queries.pricelist(session, pricelist_uid)))

    @blp.admins
    @blp.arguments(PricelistChangeIn)
    @blp.response(200, PricelistDetailOut)
    def put(self, data, pricelist_uid):
        """Give a price list another name."""
        with db.begin() as session:
            pricelist = pricelist_actions.rename(
                session, pricelist_uid, data["name"], expected=versions.if_match(), actor=caller(), now=utcnow()
            )
            pricelist_queries.with_products(session, pricelist)
        return updated(pricelist, PricelistChangeIn)

    @blp.admins
    @blp.response(204)
    @raises(409, "pricelist_in_use")
    def delete(self, pricelist_uid):
        """Delete a price list that nothing uses."""
        with db.begin() as session:
            pricelist_actions.remove(session, pricelist_uid, expected=versions.if_match(), actor=caller(), now=utcnow())


@blp.route("/<pricelist_uid>/products")
class Products(MethodView):
    @blp.readers
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(EntryOut))
    def get(self, page, pricelist_uid):
        """The entries of a price list, by the products' uids."""
        with db.read() as session:
            return pricelist_queries.entries(session, pricelist_queries.pricelist(session, pricelist_uid), **page)

    @blp.admins
    @blp.arguments(PricelistProductsIn)
    @blp.response(200, PricelistDetailOut)
    def put(self, data, pricelist_uid):
        """Put up to 5,000 products on a list and take as many off, also while a campaign runs with it.

        Uids that the catalogue does not have are taken, with `Concord-Warnings: unknown_product` (D68). Their prices
        count as soon as it has a product or a variant of that uid.
        """
        with db.begin() as session:
            pricelist = pricelist_actions.change_products(
                session, pricelist_uid, **data, expected=versions.if_match(), actor=caller(), now=utcnow()
            )
            pricelist_queries.with_products(session, pricelist)
            warnings = pricelist_queries.warnings(session, data["add"], data["remove"])
        return tagged(pricelist), 200, warning_header(*warnings)
