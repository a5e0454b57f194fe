"""The shopper's door: ``/shops/{shop}/checkout/add`` and ``/shops/{shop}/carts``. Nobody signs in here (S4-24).

The shop is a tenant, by slug or id, and its own flag opens the door. Inside, the shop itself is the caller, so that a
shopper reaches what is the tenant's and nothing else.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Response, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Forbidden
from chassis.core.principal import NOBODY, Principal, acting_as, caller
from chassis.http import idempotency, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from contracts.error_formats import MARKETING
from contracts.roles import Role
from services.promotions.carts import actions, queries
from services.promotions.carts.rules import CART_CLOSED
from services.promotions.carts.schemas import AddIn, CartOut, QuantityIn
from services.promotions.common import tenant_queries
from services.promotions.common.api import FEATURE

blp = Blueprint("carts", __name__, url_prefix="/shops/<shop>", feature=FEATURE, error_format=MARKETING)

F = TypeVar("F", bound=Callable[..., Any])
DOOR = Principal.system("promotions")


def in_shop(view: F) -> F:
    """Run a view as the shop that the path names; 404 where there is none, 403 where its door is closed (D5).

    Write it below ``public``. A POST with an ``Idempotency-Key`` acts once (D7).
    """

    @functools.wraps(view)
    def inside(*args: Any, shop: str, **kwargs: Any) -> Any:
        with acting_as(DOOR), db.read() as session:
            tenant = tenant_queries.shop(session, shop)
        if FEATURE not in tenant.features:
            raise Forbidden(f"The feature '{FEATURE}' is not enabled.", code="feature_disabled")
        shopper = Principal(NOBODY, tenant.id, Role.MACHINE, name="Shopper", tenant_slug=tenant.slug or "")
        with acting_as(shopper):
            work = functools.partial(view, *args, **kwargs)
            return idempotency.once(db, work) if request.method == "POST" else work()

    return cast(F, inside)


@blp.route("/checkout/add")
class CheckoutAdd(MethodView):
    @blp.public
    @in_shop
    @blp.arguments(AddIn, location="query")
    @blp.response(200, CartOut)
    @blp.alt_response(201, schema=CartOut)
    @blp.alt_response(414, description="The link is longer than 8 KiB.")
    def get(self, wanted):
        """Put products into the cart, or into a new one, which ``mktop`` gives its campaign (S4-24).

        A ``cart`` that is closed or unknown makes a new one too, which says so in ``warnings`` (D54).
        """
        return _add(**wanted)

    @blp.public
    @in_shop
    @blp.arguments(AddIn, location="query")
    @blp.response(200, CartOut)
    @blp.alt_response(201, schema=CartOut)
    @blp.alt_response(414, description="The link is longer than 8 KiB.")
    def post(self, wanted):
        """The same as ``GET``, for clients that know that it changes something."""
        return _add(**wanted)


@blp.route("/carts/<uuid:cart_id>")
class Cart(MethodView):
    @blp.public
    @in_shop
    @blp.response(200, CartOut)
    def get(self, cart_id):
        """A cart with its campaign, products and prices as they are now."""
        now = utcnow()
        with db.read() as session:
            seen = queries.see(session, queries.cart(session, cart_id, now), now)
        versions.set_etag(seen)
        return seen

    @blp.public
    @in_shop
    @blp.response(204)
    def delete(self, cart_id):
        """Throw a cart away."""
        with db.begin() as session:
            actions.drop(session, cart_id, expected=versions.if_match(), now=utcnow())


@blp.route("/carts/<uuid:cart_id>/items/<product_id>")
class CartItem(MethodView):
    @blp.public
    @in_shop
    @blp.arguments(QuantityIn)
    @blp.response(200, CartOut)
    def put(self, wanted, cart_id, product_id):
        """Set how much of a product is wanted, also of one that is not in the cart yet; 0 takes it out."""
        expected = versions.if_match()
        with db.begin() as session:
            seen = actions.change_quantity(
                session, cart_id, product_id, wanted["quantity"], expected=expected, now=utcnow()
            )
        versions.set_etag(seen)
        return seen


def _add(mktop, product, quantity, cart, customer_id):
    if request.method == "HEAD":  # somebody who only looks whether a link leads anywhere
        return Response(status=200)
    now, who, cart_id = utcnow(), caller(), _as_id(cart)
    quantities = quantity if len(quantity) > 1 else quantity * len(product)
    with db.begin() as session:
        known = queries.open_cart(session, cart_id, now, lock=True) if cart_id else None
        target = known or actions.start(session, who.tenant_id, mktop=mktop, customer_id=customer_id, now=now)
        seen = actions.add(session, target, list(zip(product, quantities, strict=True)), now=now)
    versions.set_etag(seen)
    if known:
        return seen
    if cart:
        seen = replace(seen, warnings=(CART_CLOSED, *seen.warnings))
    return seen, 201, {"Location": f"/shops/{who.tenant_slug or who.tenant_id}/carts/{seen.id}"}


def _as_id(cart):
    try:
        return UUID(cart or "")
    except ValueError:
        return None
