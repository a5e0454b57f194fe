"""``/shops/{shop}/checkout/add`` and ``/shops/{shop}/carts``: public endpoints for shoppers, without sign-in (S4-24).

The shop is a tenant, by slug or id, and its feature flag must be on. The shop itself becomes the caller of the view, so
that a shopper reaches data of this tenant only.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Response, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Forbidden
from chassis.core.principal import NOBODY, Principal, acting_as, caller
from chassis.http import idempotency, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from contracts.error_formats import MARKETING
from contracts.roles import Role
from services.promotions.carts import actions, queries
from services.promotions.carts.schemas import AddIn, CartOut, QuantityIn
from services.promotions.common import queries as common_queries
from services.promotions.common.api import FEATURE, tagged

blp = Blueprint("carts", __name__, url_prefix="/shops/<shop>", feature=FEATURE, error_format=MARKETING)

F = TypeVar("F", bound=Callable[..., Any])
LOOK_UP = Principal.system("promotions")


def in_shop(view: F) -> F:
    """Run a view as the shop that the path names; 404 where there is none, 403 where it is suspended or its feature is
    off (D5), in the gateway's order.

    Write it below ``public``. A POST with an ``Idempotency-Key`` acts once (D7).
    """

    @functools.wraps(view)
    def inside(*args: Any, shop: str, **kwargs: Any) -> Any:
        with acting_as(LOOK_UP), db.read() as session:
            tenant = common_queries.shop(session, shop)
        if tenant.suspended:
            raise Forbidden("This shop's access to the platform is suspended.", code="tenant_suspended")
        if FEATURE not in tenant.features:
            raise Forbidden(f"The feature '{FEATURE}' is not enabled.", code="feature_disabled")
        shopper = Principal(NOBODY, tenant.id, Role.MACHINE, name="Shopper", tenant_slug=tenant.slug or "")
        with acting_as(shopper):
            work = functools.partial(view, *args, **kwargs)
            return idempotency.answer_once(db, work) if request.method == "POST" else work()

    inside.acts_once = True  # type: ignore[attr-defined]
    return raises(403, "feature_disabled", "tenant_suspended")(cast(F, inside))


@blp.route("/checkout/add")
class CheckoutAdd(MethodView):
    @blp.public
    @in_shop
    @blp.arguments(AddIn, location="query")
    @blp.response(200, CartOut)
    @blp.alt_response(201, schema=CartOut)
    @blp.alt_response(414, description="The link is longer than 8 KiB.")
    @raises(422, "unknown_product")
    def get(self, query):
        """Put products into the cart, or into a new one with the campaign that ``mktop`` names (S4-24).

        A ``cart`` that is closed or unknown makes a new one too; its ``warnings`` say so (D54).
        """
        return _add(query)

    @blp.public
    @in_shop
    @blp.arguments(AddIn, location="query")
    @blp.response(200, CartOut)
    @blp.alt_response(201, schema=CartOut)
    @blp.alt_response(414, description="The link is longer than 8 KiB.")
    @raises(422, "unknown_product")
    def post(self, query):
        """The same as ``GET``, for clients that change data by ``POST`` only."""
        return _add(query)


@blp.route("/carts/<uuid:cart_id>")
class Cart(MethodView):
    @blp.public
    @in_shop
    @blp.response(200, CartOut)
    def get(self, cart_id):
        """A cart with its campaign, products and prices as they are now."""
        now = utcnow()
        with db.read() as session:
            return tagged(queries.see(session, queries.cart(session, cart_id, now), now))

    @blp.public
    @in_shop
    @blp.response(204)
    def delete(self, cart_id):
        """Delete a cart."""
        with db.begin() as session:
            actions.delete_cart(session, cart_id, expected=versions.if_match(), now=utcnow())


@blp.route("/carts/<uuid:cart_id>/items/<product_id>")
class CartItem(MethodView):
    @blp.public
    @in_shop
    @blp.arguments(QuantityIn)
    @blp.response(200, CartOut)
    @raises(422, "unknown_product")
    def put(self, change, cart_id, product_id):
        """Set how much of a product is wanted, also of one that is not in the cart yet; 0 takes it out."""
        expected = versions.if_match()
        with db.begin() as session:
            seen = actions.change_quantity(
                session, cart_id, product_id, change["quantity"], expected=expected, now=utcnow()
            )
        return tagged(seen)


def _add(query):
    if request.method == "HEAD":  # only asks whether a link leads anywhere
        return Response(status=200)
    shop = caller()
    with db.begin() as session:
        cart, is_new = actions.add(session, shop.tenant_id, **query, now=utcnow())
    location = f"/shops/{shop.tenant_slug or shop.tenant_id}/carts/{cart.id}"
    status, headers = (201, {"Location": location}) if is_new else (200, {})
    return tagged(cart), status, headers
