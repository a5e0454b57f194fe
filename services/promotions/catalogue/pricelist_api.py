"""``/v2/tenants/{tenantUid}/pricelists``: prices that campaigns bring into force (S1-2, S1-3, S1-14)."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from services.promotions.catalogue import pricelist_actions, pricelist_queries, product_queries
from services.promotions.catalogue.schemas import (
    EntryOut,
    PricelistChangeIn,
    PricelistDetailOut,
    PricelistIn,
    PricelistOut,
    PricelistProductsIn,
)
from services.promotions.common import api as common_api
from services.promotions.common.api import ADMINS, FEATURE, PREFIX, accept_bulk, own_tenant
from services.promotions.common.rules import Code

blp = Blueprint("pricelists", __name__, url_prefix=f"{PREFIX}/pricelists", feature=FEATURE)
blp.before_request(accept_bulk)


@blp.route("")
class Pricelists(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(PricelistOut))
    def get(self, page):
        """The tenant's price lists, by uid."""
        with db.read() as session:
            return pricelist_queries.pricelists(session, **page)

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(PricelistIn)
    @blp.response(201, PricelistDetailOut)
    def post(self, data):
        """A new price list with up to 5,000 products; more are added afterwards.

        Uids that the catalogue does not have are taken, with `Concord-Warnings: unknown_product` (D68).
        """
        with db.begin() as session:
            pricelist = pricelist_actions.create(session, **data, actor=caller(), now=utcnow())
            pricelist_queries.with_products(session, pricelist)
            warned = _about_unknown(session, data["products"])
        versions.set_etag(pricelist)
        return pricelist, 201, warned


@blp.route("/<pricelist_uid>")
class OnePricelist(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(200, PricelistDetailOut)
    def get(self, pricelist_uid):
        """One price list with its first 200 products."""
        with db.read() as session:
            pricelist = pricelist_queries.with_products(session, pricelist_queries.pricelist(session, pricelist_uid))
        versions.set_etag(pricelist)
        return pricelist

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(PricelistChangeIn)
    @blp.response(200, PricelistDetailOut)
    def put(self, data, pricelist_uid):
        """Give a price list another name."""
        with db.begin() as session:
            pricelist = pricelist_actions.rename(
                session, pricelist_uid, data["name"], expected=versions.if_match(), actor=caller(), now=utcnow()
            )
            pricelist_queries.with_products(session, pricelist)
        versions.set_etag(pricelist)
        return pricelist, 200, common_api.warning_header(*common_api.ignored_fields(PricelistChangeIn, pricelist))

    @blp.allow(*ADMINS)
    @own_tenant
    @blp.response(204)
    def delete(self, pricelist_uid):
        """Delete a price list that nothing uses."""
        with db.begin() as session:
            pricelist_actions.remove(session, pricelist_uid, expected=versions.if_match(), actor=caller(), now=utcnow())


@blp.route("/<pricelist_uid>/products")
class Products(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(EntryOut))
    def get(self, page, pricelist_uid):
        """What stands on a price list, by the products' uids."""
        with db.read() as session:
            return pricelist_queries.entries(session, pricelist_queries.pricelist(session, pricelist_uid), **page)

    @blp.allow(*ADMINS)
    @own_tenant
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
            warned = _about_unknown(session, data["add"], data["remove"])
        versions.set_etag(pricelist)
        return pricelist, 200, warned


def _about_unknown(session, entries, others=()):
    """The header that warns of uids that the catalogue does not have."""
    unknown = product_queries.unknown(session, [*(entry["product_uid"] for entry in entries), *others])
    return common_api.warning_header(*[Code.UNKNOWN_PRODUCT] if unknown else [])
