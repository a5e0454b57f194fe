"""Read carts: what the campaign allows them to hold now, and what that costs.

The clock, the campaign, its linked products and the prices may have changed since the cart was written. So a cart is
settled again on every read; the next write stores the result.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.errors import Invalid
from chassis.core.principal import caller
from chassis.data.lookup import one_or_404
from services.promotions.carts import campaign_rules, rules
from services.promotions.carts.campaign_models import CartCampaign, LinkedProducts
from services.promotions.carts.campaign_rules import MatchMode, QuantitySelector, Reason
from services.promotions.carts.models import Cart, CartItem
from services.promotions.carts.rules import Item, Link, Match, Notice, Removed, Terms
from services.promotions.catalogue import pricelist_queries, product_queries
from services.promotions.catalogue import queries as catalogue_queries
from services.promotions.catalogue.models import PricelistEntry, PricelistVariant, Product, Settings, Variant


@dataclass(frozen=True)
class Sold:
    """A product or variant as the catalogue has it."""

    product_key: UUID
    product_uid: str
    price: Decimal


@dataclass(frozen=True)
class SeenItem:
    product_id: str
    quantity: int
    unit_price: Decimal | None
    list_price: Decimal | None
    linked_to: str | None
    removed_because: str | None
    removed_detail: str | None


@dataclass(frozen=True)
class SeenCampaign:
    name: str | None
    reason: Reason | str | None

    @property
    def applied(self) -> bool:
        return self.name is not None and self.reason is None


@dataclass(frozen=True)
class SeenCart:
    """A cart as it is shown, its prices rounded to the minor unit of ``currency`` (D9).

    ``settled`` are its lines as they would be written now.
    """

    id: UUID
    version: int
    currency: str
    campaign: SeenCampaign
    items: Sequence[SeenItem]
    settled: Sequence[Item]
    warnings: Sequence[Notice] = ()

    @property
    def total(self) -> Decimal:
        prices = (item.unit_price * item.quantity for item in self.items if item.unit_price)
        return money.rounded(sum(prices, Decimal(0)), self.currency)


def cart(session: Session, cart_id: UUID, now: datetime) -> Cart:
    """A cart of the shop at hand.

    Raises:
        NotFound: there is none, it is another shop's, or it has expired.
    """
    return one_or_404(session, _open_cart(cart_id, now), "There is no such cart.")


def lock_cart(session: Session, cart_id: UUID, now: datetime) -> Cart:
    """As ``cart``, its row locked until the transaction ends."""
    return one_or_404(session, _open_cart(cart_id, now).with_for_update(), "There is no such cart.")


def lock_cart_if_open(session: Session, cart_id: UUID, now: datetime) -> Cart | None:
    """As ``lock_cart``; None where there is none."""
    return session.scalar(_open_cart(cart_id, now).with_for_update())


def _open_cart(cart_id: UUID, now: datetime) -> Select[tuple[Cart]]:
    return select(Cart).where(Cart.id == cart_id, Cart.expires_at > now)


def see(session: Session, cart: Cart, now: datetime) -> SeenCart:
    """A cart under its campaign as both are now."""
    sold = catalogued(session, [line.product_id for line in cart.lines])
    items = [_item(line, sold.get(line.product_id)) for line in cart.lines]
    campaign, reason = _campaign_of(session, cart, now)
    terms, unknown = Terms(), frozenset[str]()
    if campaign is not None:
        terms, unknown = _terms(session, campaign, items)
        items, reason = rules.settle(items, terms)
    applied = campaign if reason is None else None
    prices = _campaign_prices(session, applied, sold)
    shop = _Shop(items, sold, prices, terms.links if applied else (), catalogue_queries.currency(session))
    return SeenCart(
        cart.id,
        cart.version,
        shop.currency,
        SeenCampaign(cart.campaign_name, reason),
        [shop.see(item) for item in items],
        items,
        tuple(rules.link_ignored(base) for base in sorted(unknown)) if applied else (),
    )


def catalogued(session: Session, ids: Iterable[str]) -> dict[str, Sold]:
    """Those of ``ids`` that the shop sells, products and variants, at their regular price as evaluations have it
    (S1-34): a variant's on the chain's list, else its own, else its product's on the list, else the product's."""
    uids = set(ids)
    chain = select(Settings.pricelist_id).where(Settings.tenant_id == caller().tenant_id).scalar_subquery()
    in_chain = and_(PricelistEntry.product_id == Product.id, PricelistEntry.pricelist_id == chain)
    products = select(
        Product.product_uid, Product.id, Product.product_uid.label("of"), PricelistEntry.price, Product.price
    ).outerjoin(PricelistEntry, in_chain)
    itself = and_(PricelistVariant.variant_uid == Variant.variant_uid, PricelistVariant.pricelist_id == chain)
    prices = PricelistVariant.price, Variant.price, PricelistEntry.price, Product.price
    variants = (
        select(Variant.variant_uid, Product.id, Product.product_uid, *prices)
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(PricelistEntry, in_chain)
        .outerjoin(PricelistVariant, itself)
    )
    rows = [
        *session.execute(variants.where(Variant.variant_uid.in_(uids))),
        *session.execute(products.where(Product.product_uid.in_(uids))),
    ]
    return {row[0]: Sold(row[1], row[2], next(price for price in row[3:] if price is not None)) for row in rows}


def require_sold(session: Session, ids: Collection[str]) -> None:
    """Refuse what the shop does not sell.

    Raises:
        Invalid: ``unknown_product``.
    """
    sold = catalogued(session, ids)
    for product_id in ids:
        if product_id not in sold:
            raise Invalid.field("product", f"There is no product {product_id}.", code="unknown_product")


def _campaign_of(session: Session, cart: Cart, now: datetime) -> tuple[CartCampaign | None, Reason | str | None]:
    """The campaign that counts for a cart at ``now`` (S4-24, S4-25), or why there is none."""
    if cart.campaign_id is None:
        return None, cart.campaign_reason
    campaign = session.scalar(select(CartCampaign).where(CartCampaign.id == cart.campaign_id))
    if campaign is None:
        return None, Reason.UNKNOWN
    reason = campaign_rules.reason_against(campaign.status, campaign.start_date, campaign.end_date, now)
    return (None, reason) if reason else (campaign, None)


def _terms(session: Session, campaign: CartCampaign, items: Sequence[Item]) -> tuple[Terms, frozenset[str]]:
    """What a campaign asks of the products in a cart: of its links only those that concern them.

    Links to a base that the catalogue does not have are left out, and their bases named. No shopper could put such a
    base into the cart, so the link could only empty it (D68).
    """
    products = {item.product_uid for item in items}
    in_cart = select(Variant.variant_uid, Product.product_uid).join(Product, Product.id == Variant.product_id)
    of_product = dict(session.execute(in_cart.where(Product.product_uid.in_(products))).tuples().all())

    def match(product_id: str, mode: str) -> Match:
        return Match(product_id, MatchMode(mode), of_product.get(product_id, product_id))

    mine = select(LinkedProducts).where(
        LinkedProducts.marketing_campaign_id == campaign.id,
        LinkedProducts.linked_id.in_(products | of_product.keys()),
    )
    links = session.scalars(mine.order_by(LinkedProducts.id)).all()
    bases = product_queries.products_of(session, {link.base_id for link in links})
    of_product |= bases
    terms = Terms(
        products=tuple(match(line.product_id, line.match_mode) for line in campaign.products),
        mandatory=tuple(match(line.product_id, line.match_mode) for line in campaign.mandatory_products),
        links=tuple(
            Link(
                match(link.base_id, link.base_match_mode),
                match(link.linked_id, link.linked_match_mode),
                QuantitySelector(link.quantity_selector),
            )
            for link in links
            if link.base_id in bases
        ),
    )
    return terms, frozenset(link.base_id for link in links if link.base_id not in bases)


def _campaign_prices(session: Session, campaign: CartCampaign | None, sold: Mapping[str, Sold]) -> dict[str, Decimal]:
    """The campaign's own prices (S4-27), by what is in the cart: a variant's, else those of its product (D68)."""
    if campaign is None or campaign.pricelist_id is None:
        return {}
    listed = select(PricelistEntry.product_id, PricelistEntry.price).where(
        PricelistEntry.pricelist_id == campaign.pricelist_id,
        PricelistEntry.product_id.in_({product.product_key for product in sold.values()}),
    )
    of_products = dict(session.execute(listed).tuples().all())
    prices = {
        uid: of_products[product.product_key] for uid, product in sold.items() if product.product_key in of_products
    }
    of_variants = session.execute(pricelist_queries.variant_prices([campaign.pricelist_id], sold.keys()))
    return prices | {uid: price for _, uid, price in of_variants}


def _item(line: CartItem, sold: Sold | None) -> Item:
    """A line as the rules see it; the variant it is may have left the catalogue since."""
    if sold is None:
        return Item(line.product_id, line.product_id, 0, Removed.NOT_SOLD)
    return Item(line.product_id, sold.product_uid, line.quantity, line.removed_because)


@dataclass(frozen=True)
class _Shop:
    """All that is needed to show the lines of a cart."""

    items: Sequence[Item]
    sold: Mapping[str, Sold]
    campaign_prices: Mapping[str, Decimal]
    links: Sequence[Link]
    currency: str

    def see(self, item: Item) -> SeenItem:
        sold, unit, regular = self.sold.get(item.product_id), None, None
        if sold:
            regular = money.rounded(sold.price, self.currency)
            unit = money.rounded(self.campaign_prices.get(item.product_id, sold.price), self.currency)
        base = rules.linked_to(item, self.links, self.items)
        detail = rules.explained(item, base)
        return SeenItem(item.product_id, item.quantity, unit, regular, base, item.removed_because, detail)
