"""Looks up the products and variants that a store set does not have yet: their prices and campaigns."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from chassis.core import money
from services.promotions.catalogue.models import PricelistEntry, PricelistVariant, Product, Variant
from services.promotions.catalogue.pricelist_queries import variant_prices
from services.promotions.evaluations.store_set_queries import StoreSet
from services.promotions.sales.models import SalesSnapshot, SalesVariant

Apart = dict[str, Decimal | Literal[False] | None]
"""By campaign, what holds for a variant otherwise than for its product (D68): its price in the campaign's list, None
where it is selected by itself, False where it is excluded."""


def look_up(session: Session, store_set: StoreSet, uids: Collection[str]) -> list[str]:
    """Look up products and variants the set has not met yet; return those that do not exist."""
    unknown = [uid for uid in dict.fromkeys(uids) if uid not in store_set.prices]
    if not unknown:
        return []
    rows = {row.uid: row for row in session.execute(_products(store_set, unknown))}
    apart: dict[str, Apart] = {}
    if missing := [uid for uid in unknown if uid not in rows]:
        rows |= {row.uid: row for row in session.execute(_variants(store_set, missing))}
        apart = _apart(session, store_set, [uid for uid in missing if uid in rows])
    ids = {row.id for row in rows.values()}
    belongs = _memberships(session, store_set, ids)
    for uid, row in rows.items():
        touches = dict(belongs.get(row.id, ())) | apart.get(uid, {})
        store_set.campaigns.set_memberships(
            uid, [(campaign, price) for campaign, price in touches.items() if price is not False]
        )
        store_set.products[uid] = row.id
        price = next(price for price in row[2:] if price is not None)
        store_set.prices[uid] = money.rounded(price, store_set.currency)
        if store_set.prices[uid] != price:
            store_set.rounded.add(uid)
    return [uid for uid in unknown if uid not in rows]


def _products(store_set: StoreSet, uids: Collection[str]) -> Any:
    """S1-34: the store's list, then the chain's, then the product's own price."""
    store, chain = aliased(PricelistEntry), aliased(PricelistEntry)
    first, second = store_set.regular
    return (
        select(Product.product_uid.label("uid"), Product.id, store.price, chain.price, Product.price)
        .outerjoin(store, and_(store.product_id == Product.id, store.pricelist_id == first))
        .outerjoin(chain, and_(chain.product_id == Product.id, chain.pricelist_id == second))
        .where(Product.tenant_id == store_set.tenant_id, Product.product_uid.in_(uids))
    )


def _variants(store_set: StoreSet, uids: Collection[str]) -> Any:
    """A variant is in its product's campaigns. Its own price, on a list or by itself, comes before the product's."""
    own_store, own_chain = aliased(PricelistVariant), aliased(PricelistVariant)
    store, chain = aliased(PricelistEntry), aliased(PricelistEntry)
    first, second = store_set.regular
    prices = own_store.price, own_chain.price, Variant.price, store.price, chain.price, Product.price
    return (
        select(Variant.variant_uid.label("uid"), Product.id, *prices)
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(own_store, and_(own_store.variant_uid == Variant.variant_uid, own_store.pricelist_id == first))
        .outerjoin(own_chain, and_(own_chain.variant_uid == Variant.variant_uid, own_chain.pricelist_id == second))
        .outerjoin(store, and_(store.product_id == Product.id, store.pricelist_id == first))
        .outerjoin(chain, and_(chain.product_id == Product.id, chain.pricelist_id == second))
        .where(Variant.tenant_id == store_set.tenant_id, Variant.variant_uid.in_(uids))
    )


def _memberships(
    session: Session, store_set: StoreSet, ids: Iterable[UUID]
) -> dict[UUID, list[tuple[str, Decimal | None]]]:
    """By product: the campaigns it was selected for (S1-27), and those whose price list it stands in (S1-14)."""
    belongs: dict[UUID, list[tuple[str, Decimal | None]]] = {}
    snapshots = select(SalesSnapshot.product_id, SalesSnapshot.campaign_id).where(SalesSnapshot.product_id.in_(ids))
    for product, campaign in session.execute(snapshots):
        if campaign in store_set.uids:
            belongs.setdefault(product, []).append((store_set.uids[campaign], None))
    if store_set.by_list:
        entries = select(PricelistEntry.product_id, PricelistEntry.pricelist_id, PricelistEntry.price)
        for product, pricelist, price in session.execute(entries.where(PricelistEntry.product_id.in_(ids))):
            belongs.setdefault(product, []).extend((uid, price) for uid in store_set.by_list.get(pricelist, ()))
    return belongs


def _apart(session: Session, store_set: StoreSet, uids: Collection[str]) -> dict[str, Apart]:
    apart: dict[str, Apart] = {uid: {} for uid in uids}
    snapshots = select(SalesVariant.variant_uid, SalesVariant.campaign_id, SalesVariant.selected).where(
        SalesVariant.tenant_id == store_set.tenant_id, SalesVariant.variant_uid.in_(uids)
    )
    for uid, campaign, selected in session.execute(snapshots):
        if campaign in store_set.uids:
            apart[uid][store_set.uids[campaign]] = None if selected else False
    for pricelist, uid, price in session.execute(variant_prices(store_set.by_list, uids)) if store_set.by_list else ():
        apart[uid] |= dict.fromkeys(store_set.by_list[pricelist], price)
    return apart
