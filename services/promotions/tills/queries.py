"""Reads all campaigns of a store that are active or coming, with all their products."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.data.bulk import batches
from services.promotions import engine
from services.promotions.catalogue.models import PricelistEntry, PricelistVariant, Product, Variant
from services.promotions.evaluations.store_set_queries import in_store, without_products
from services.promotions.sales.models import SalesCampaign, SalesSnapshot, SalesVariant
from services.promotions.tills.models import BundleVersion

PIECE = 500
"""Campaigns whose products are read in one statement."""


def campaigns(session: Session, store_id: UUID, *, now: datetime) -> tuple[list[engine.Campaign], list[str]]:
    """Campaigns that are active or coming, with all their products and variants; and the uids of those with limits on
    all orders together, which a till cannot check without a network.
    """
    statement = in_store(store_id).where(SalesCampaign.status == "ACTIVE", SalesCampaign.valid_to >= now)
    rows = session.execute(statement.order_by(SalesCampaign.campaign_uid)).all()
    limited = [row for row, _ in rows if (row.total_uses_limit, row.total_discount_limit) != (None, None)]
    free = [(row, group) for row, group in rows if row not in limited]
    selected: dict[UUID, set[str]] = {}
    by_rule = [row.id for row, _ in free if not row.pricelist_id]
    for campaign_id, uid in _selected(session, by_rule):
        selected.setdefault(campaign_id, set()).add(uid)
    for campaign_id, uid, is_selected in _apart(session, by_rule):
        uids = selected.setdefault(campaign_id, set())
        (uids.add if is_selected else uids.discard)(uid)
    prices: dict[UUID, dict[str, Decimal]] = {}
    for pricelist, uid, price in _listed(session, list({row.pricelist_id for row, _ in free if row.pricelist_id})):
        prices.setdefault(pricelist, {})[uid] = price
    campaigns = []
    for row, group in free:
        campaign = without_products(row, group)
        if campaign.prices is not None:
            campaign = replace(campaign, prices=prices.get(row.pricelist_id, {}))
        elif campaign.products is not None:
            campaign = replace(campaign, products=frozenset(selected.get(row.id, ())))
        campaigns.append(campaign)
    return campaigns, [row.campaign_uid for row in limited]


def version(session: Session, store_id: UUID, named: str) -> dict[str, Any] | None:
    """Digests of the campaigns in an earlier state; None where it is not known (any more)."""
    return session.scalar(
        select(BundleVersion.campaigns).where(BundleVersion.store_id == store_id, BundleVersion.version == named)
    )


def _selected(session: Session, ids: list[UUID]) -> Iterator[tuple[UUID, str]]:
    for piece in batches(ids, PIECE):
        chosen = SalesSnapshot.campaign_id.in_(piece)
        products = select(SalesSnapshot.campaign_id, Product.product_uid)
        variants = select(SalesSnapshot.campaign_id, Variant.variant_uid)
        yield from session.execute(
            products.join(Product, Product.id == SalesSnapshot.product_id).where(chosen)
        ).tuples()
        yield from session.execute(
            variants.join(Variant, Variant.product_id == SalesSnapshot.product_id).where(chosen)
        ).tuples()


def _apart(session: Session, ids: list[UUID]) -> Iterator[tuple[UUID, str, bool]]:
    """Variants that campaigns select or exclude by themselves (D68)."""
    for piece in batches(ids, PIECE):
        variants = select(SalesVariant.campaign_id, SalesVariant.variant_uid, SalesVariant.selected)
        yield from session.execute(variants.where(SalesVariant.campaign_id.in_(piece))).tuples()


def _listed(session: Session, ids: list[UUID]) -> Iterator[tuple[UUID, str, Decimal]]:
    for piece in batches(ids, PIECE):
        named, entry = PricelistEntry.pricelist_id.in_(piece), PricelistEntry
        products = select(entry.pricelist_id, Product.product_uid, entry.price)
        variants = select(entry.pricelist_id, Variant.variant_uid, entry.price)
        yield from session.execute(products.join(Product, Product.id == entry.product_id).where(named)).tuples()
        yield from session.execute(variants.join(Variant, Variant.product_id == entry.product_id).where(named)).tuples()
        by_themselves = select(PricelistVariant.pricelist_id, PricelistVariant.variant_uid, PricelistVariant.price)
        sold = by_themselves.join(Variant, Variant.variant_uid == PricelistVariant.variant_uid)
        yield from session.execute(sold.where(PricelistVariant.pricelist_id.in_(piece))).tuples()
