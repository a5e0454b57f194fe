"""Reads one campaign as if it were active now, for the products of one basket."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import Invalid
from services.promotions import engine
from services.promotions.catalogue.models import CustomerGroup, PricelistEntry, Product, ProductCategory, Store
from services.promotions.catalogue.pricelist_queries import variant_prices
from services.promotions.evaluations.store_set_queries import StoreSet, without_products
from services.promotions.sales.models import SalesCampaign, SalesSelection, SalesSnapshot, SalesStore, SalesVariant
from services.promotions.sales.rules import Term, selects


def campaign(session: Session, store_set: StoreSet, campaign_uid: str, uids: Collection[str]) -> engine.Campaign:
    """The campaign, for those of ``uids`` (which the set knows) that it is for: as selected when it was activated
    where it is active, else as its selection is now (S1-27).

    Raises:
        Invalid: ``unknown_campaign``.
    """
    row = session.scalar(select(SalesCampaign).where(SalesCampaign.campaign_uid == campaign_uid))
    if row is None:
        message = f"There is no campaign {campaign_uid}."
        raise Invalid.field("dryRun.campaignUid", message, code="unknown_campaign")
    group = session.scalar(select(CustomerGroup.customer_group_uid).where(CustomerGroup.id == row.customer_group_id))
    stores = None if row.all_stores else frozenset(_stores(session, row.id))
    by_product = {uid: store_set.products[uid] for uid in uids}
    if row.pricelist_id:
        prices = _prices(session, row.pricelist_id, by_product.values())
        listed = {uid: prices[product] for uid, product in by_product.items() if product in prices}
        listed |= {uid: price for _, uid, price in session.execute(variant_prices([row.pricelist_id], by_product))}
        return without_products(row, group, stores=stores, prices=listed)
    if row.discount_type == engine.Discount.ORDER_DISCOUNT:
        return without_products(row, group, stores=stores)
    return without_products(row, group, stores=stores, products=frozenset(_chosen(session, row, by_product)))


def _stores(session: Session, campaign_id: UUID) -> list[str]:
    here = select(Store.store_uid).join(SalesStore, SalesStore.store_id == Store.id)
    return list(session.scalars(here.where(SalesStore.campaign_id == campaign_id)))


def _prices(session: Session, pricelist_id: UUID, products: Collection[UUID]) -> dict[UUID, object]:
    entries = select(PricelistEntry.product_id, PricelistEntry.price).where(
        PricelistEntry.pricelist_id == pricelist_id, PricelistEntry.product_id.in_(products)
    )
    return {row.product_id: row.price for row in session.execute(entries)}


def _chosen(session: Session, row: SalesCampaign, by_product: Mapping[str, UUID]) -> set[str]:
    """Those of the products and variants, each with its product's id, that a campaign is for."""
    products = set(by_product.values())
    if row.status == "ACTIVE":
        snapshot = select(SalesSnapshot.product_id).where(
            SalesSnapshot.campaign_id == row.id, SalesSnapshot.product_id.in_(products)
        )
        chosen = set(session.scalars(snapshot))
        variants = select(SalesVariant.variant_uid, SalesVariant.selected).where(
            SalesVariant.campaign_id == row.id, SalesVariant.variant_uid.in_(by_product)
        )
        apart = dict(session.execute(variants).tuples().all())
        return {uid for uid, product in by_product.items() if apart.get(uid, product in chosen)}
    named: dict[str, set[Term]] = {"include": set(), "exclude": set()}
    for line in session.scalars(select(SalesSelection).where(SalesSelection.campaign_id == row.id)):
        named[line.side].add((line.kind, line.uid))
    terms = _terms(session, products)
    return {
        uid
        for uid, product in by_product.items()
        if selects(named["include"], named["exclude"], [*terms[product], ("product", uid)])
    }


def _terms(session: Session, products: Collection[UUID]) -> dict[UUID, list[Term]]:
    terms: dict[UUID, list[Term]] = {}
    for product in session.scalars(select(Product).where(Product.id.in_(products))):
        terms[product.id] = [("product", product.product_uid)]
        terms[product.id] += [("brand", product.brand_uid)] if product.brand_uid else []
        terms[product.id] += [("product_group", product.product_group_uid)] if product.product_group_uid else []
    categories = select(ProductCategory).where(ProductCategory.product_id.in_(products))
    for place in session.scalars(categories):
        terms[place.product_id].append(("category", place.category_uid))
    return terms
