"""Writes to shoppers' carts. Every write stores what the campaign allows at that moment."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import NotFound
from chassis.core.text import shortened
from chassis.http import versions
from services.promotions.carts import campaign_queries, campaign_rules, queries, rules
from services.promotions.carts.campaign_rules import Reason
from services.promotions.carts.models import Cart
from services.promotions.carts.queries import SeenCart

KEEP = timedelta(days=30)  # after the last change
TRIM = 500
SHOWN_NAME = 200  # characters of an ``mktop``; no campaign has a longer name


def add(
    session: Session,
    tenant_id: UUID,
    *,
    cart: str | None,
    product: Sequence[str],
    quantity: Sequence[int],
    mktop: str | None,
    customer_id: str | None,
    now: datetime,
) -> tuple[SeenCart, bool]:
    """Put products into a cart, all or none; return it, and whether it is new.

    Args:
        cart: the id of a cart. Where no open cart has it, a new one is made, and says so (D54).
        quantity: one for each product, or one for all of them.

    Raises:
        Invalid: ``unknown_product``, or the cart would hold too much.
    """
    cart_id = rules.cart_id_of(cart)
    row = queries.lock_cart_if_open(session, cart_id, now) if cart_id else None
    is_new = row is None
    if row is None:
        row = _start(session, tenant_id, mktop=mktop, customer_id=customer_id, now=now)
    queries.require_sold(session, product)
    for product_id, count in zip(product, rules.quantities_for(product, quantity), strict=True):
        row.add(product_id, count)
    seen = _settle(session, row, now)
    if is_new and cart:
        seen = replace(seen, warnings=(rules.CART_CLOSED, *seen.warnings))
    return seen, is_new


def change_quantity(
    session: Session, cart_id: UUID, product_id: str, quantity: int, *, expected: ETags | None, now: datetime
) -> SeenCart:
    """Set how much of a product is wanted; 0 takes it out, and with it what goes only with it (S4-21).

    Raises:
        NotFound: there is no such cart, or a product that is neither in it nor sold.
        Invalid: the cart would hold too much.
        Stale: ``expected`` is not the cart's version.
    """
    cart = queries.lock_cart(session, cart_id, now)
    versions.require(cart, expected)
    if cart.line(product_id) is None and product_id not in queries.catalogued(session, [product_id]):
        raise NotFound("There is no such product in this cart.")
    cart.set(product_id, quantity)
    return _settle(session, cart, now)


def delete_cart(session: Session, cart_id: UUID, *, expected: ETags | None, now: datetime) -> None:
    """Delete a cart.

    Raises:
        NotFound: there is no such cart.
        Stale: ``expected`` is not its version.
    """
    cart = queries.lock_cart(session, cart_id, now)
    versions.require(cart, expected)
    session.delete(cart)


def trim(session: Session, *, now: datetime) -> bool:
    """Delete some expired carts; return whether there may be more."""
    old = select(Cart.id).where(Cart.expires_at <= now).order_by(Cart.expires_at).limit(TRIM)
    ids = session.scalars(old.with_for_update(skip_locked=True)).all()
    if ids:
        session.execute(delete(Cart).where(Cart.id.in_(ids)))
    return len(ids) == TRIM


def _start(session: Session, tenant_id: UUID, *, mktop: str | None, customer_id: str | None, now: datetime) -> Cart:
    """A new, empty cart. Its campaign is decided now and never again (S4-24). Where it does not count, the cart
    says why (D52)."""
    campaign_id, reason, name = None, None, mktop
    if mktop is not None:
        meant = campaign_queries.meant_by(session, mktop, customer_id)
        if isinstance(meant, Reason):
            reason = meant
        else:
            name = meant.name
            reason = campaign_rules.reason_against(meant.status, meant.start_date, meant.end_date, now)
            campaign_id = None if reason else meant.id
    cart = Cart(
        id=uuid4(),  # random bits only: whoever knows the id can use the cart
        tenant_id=tenant_id,
        campaign_name=name and shortened(name, SHOWN_NAME, ending=""),
        campaign_id=campaign_id,
        campaign_reason=reason and str(reason),
        created_at=now,
        updated_at=now,
        expires_at=now + KEEP,
        lines=[],
    )
    session.add(cart)
    return cart


def _settle(session: Session, cart: Cart, now: datetime) -> SeenCart:
    cart.updated_at, cart.expires_at = now, now + KEEP
    with session.no_autoflush:
        seen = queries.see(session, cart, now)
    cart.store_settled(seen.settled)
    session.flush()
    return replace(seen, version=cart.version)
