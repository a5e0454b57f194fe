"""Finds what to warn of before a campaign is activated."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from services.promotions.catalogue import queries as catalogue_queries
from services.promotions.catalogue.models import PricelistEntry, PricelistVariant, Product, ProductCategory, Variant
from services.promotions.common.rules import Code, Warned
from services.promotions.sales import rules, selection_queries
from services.promotions.sales.models import SalesCampaign, SalesSelection, SalesSnapshot, SalesStore, SalesVariant
from services.promotions.sales.rules import Discount, Offered

ROWS_AT_ONCE = 5000
VARIANTS = Variant.__table__


@dataclass(frozen=True)
class Chosen:
    """The ids of the products that a campaign is for, and the uids of variants that it is for by themselves (D68)."""

    products: Select[tuple[UUID]]
    variants: Select[tuple[str]]

    def touches(self, product_id: ColumnElement[UUID] | InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
        """Whether any of them is this product or a variant of it."""
        theirs = select(Variant.product_id).where(Variant.variant_uid.in_(self.variants))
        return or_(product_id.in_(self.products), product_id.in_(theirs))


def warnings(session: Session, campaign: SalesCampaign, *, now: datetime) -> list[Warned]:
    """Everything there is to say; empty where nothing is."""
    chosen = _chosen(session, campaign)
    warned: list[Warned] = []
    if campaign.valid_to < now:
        warned.append(Warned(Code.ENDS_IN_THE_PAST, "It has ended already, so it would have no effect."))
    if chosen is not None and not session.scalar(select(or_(exists(chosen.products), exists(chosen.variants)))):
        warned.append(Warned(Code.EMPTY_SELECTION, "It is for no product, so it would have no effect."))
    named = _unknown_uids(session, campaign)
    named["product"] = sorted({*named["product"], *_unknown_on_list(session, campaign)})
    warned += rules.about_all_unknown(named)
    warned += rules.about_overlap(_overlapping(session, campaign, chosen))
    warned += rules.about_prices(_offered(session, campaign, chosen))
    return warned


def while_active(session: Session, campaign: SalesCampaign, *, now: datetime) -> list[Warned]:
    """As ``warnings`` of an active campaign; nothing for any other."""
    return warnings(session, campaign, now=now) if campaign.status == rules.Status.ACTIVE else []


def unknown(session: Session, campaign: SalesCampaign) -> list[Warned]:
    """What a campaign's selection names and the catalogue does not have (D68)."""
    return list(rules.about_all_unknown(_unknown_uids(session, campaign)))


def _unknown_uids(session: Session, campaign: SalesCampaign) -> dict[str, list[str]]:
    """By kind, what a selection names that the catalogue does not have; one statement."""
    line, mine = SalesSelection, (Product.tenant_id == campaign.tenant_id)
    known = {
        "brand": exists().where(mine, Product.brand_uid == line.uid),
        "category": exists().where(
            ProductCategory.tenant_id == campaign.tenant_id, ProductCategory.category_uid == line.uid
        ),
        "product_group": exists().where(mine, Product.product_group_uid == line.uid),
        "product": or_(
            exists().where(mine, Product.product_uid == line.uid),
            exists().where(Variant.tenant_id == campaign.tenant_id, Variant.variant_uid == line.uid),
        ),
    }
    is_unknown = or_(*(and_(line.kind == kind, not_(is_known)) for kind, is_known in known.items()))
    named = select(line.kind, line.uid).where(line.campaign_id == campaign.id, is_unknown)
    uids: dict[str, list[str]] = {kind: [] for kind in known}
    for kind, uid in session.execute(named.distinct().order_by(line.uid)):
        uids[kind].append(uid)
    return uids


def _unknown_on_list(session: Session, campaign: SalesCampaign) -> Iterable[str]:
    """Uids on a campaign's price list that the catalogue does not have. Products are not listed by their uid."""
    entry = PricelistVariant
    is_sold = exists().where(Variant.tenant_id == campaign.tenant_id, Variant.variant_uid == entry.variant_uid)
    return session.scalars(select(entry.variant_uid).where(entry.pricelist_id == campaign.pricelist_id, not_(is_sold)))


def _chosen(session: Session, campaign: SalesCampaign) -> Chosen | None:
    """What a campaign is for; None where it is for the order."""
    if campaign.pricelist_id:
        listed = select(Variant.variant_uid).join(PricelistVariant, PricelistVariant.variant_uid == Variant.variant_uid)
        listed = listed.where(
            Variant.tenant_id == campaign.tenant_id, PricelistVariant.pricelist_id == campaign.pricelist_id
        )
        entries = select(PricelistEntry.product_id).where(PricelistEntry.pricelist_id == campaign.pricelist_id)
        return Chosen(entries, listed)
    if campaign.discount_type == Discount.ORDER_DISCOUNT:
        return None
    if campaign.status == "ACTIVE":
        apart = select(SalesVariant.variant_uid).where(SalesVariant.campaign_id == campaign.id, SalesVariant.selected)
        return Chosen(select(SalesSnapshot.product_id).where(SalesSnapshot.campaign_id == campaign.id), apart)
    return Chosen(
        selection_queries.selected_products(session, campaign), selection_queries.selected_variants(session, campaign)
    )


def _overlapping(session: Session, campaign: SalesCampaign, chosen: Chosen | None) -> list[str]:
    """Active campaigns in some of its stores at some of its time for some of its products, or either for the order."""
    others = select(SalesCampaign.campaign_uid).where(
        SalesCampaign.status == "ACTIVE",
        SalesCampaign.id != campaign.id,
        SalesCampaign.valid_from <= campaign.valid_to,
        SalesCampaign.valid_to >= campaign.valid_from,
        _shares_a_store(campaign),
    )
    if campaign.customer_group_id:
        group = SalesCampaign.customer_group_id
        others = others.where(or_(group.is_(None), group == campaign.customer_group_id))
    if chosen is not None:
        others = others.where(or_(SalesCampaign.discount_type == Discount.ORDER_DISCOUNT, *_shares_a_product(chosen)))
    return list(session.scalars(others.order_by(SalesCampaign.campaign_uid)))


def _shares_a_product(chosen: Chosen) -> Iterator[ColumnElement[bool]]:
    """Whether a campaign's selection or price list has one of the chosen products, or a variant of one."""
    list_id = SalesCampaign.pricelist_id
    yield exists().where(SalesSnapshot.campaign_id == SalesCampaign.id, chosen.touches(SalesSnapshot.product_id))
    yield exists().where(PricelistEntry.pricelist_id == list_id, chosen.touches(PricelistEntry.product_id))
    form = VARIANTS.alias()
    of_tenant = form.c.tenant_id == SalesCampaign.tenant_id
    yield exists().where(
        SalesVariant.campaign_id == SalesCampaign.id,
        SalesVariant.selected,
        and_(of_tenant, form.c.variant_uid == SalesVariant.variant_uid),
        chosen.touches(form.c.product_id),
    )
    yield exists().where(
        PricelistVariant.pricelist_id == list_id,
        and_(of_tenant, form.c.variant_uid == PricelistVariant.variant_uid),
        chosen.touches(form.c.product_id),
    )


def _shares_a_store(campaign: SalesCampaign) -> ColumnElement[bool]:
    if campaign.all_stores:
        return SalesCampaign.id.is_not(None)
    here, there = aliased(SalesStore), aliased(SalesStore)
    shared = exists().where(
        here.campaign_id == campaign.id, there.store_id == here.store_id, there.campaign_id == SalesCampaign.id
    )
    return or_(SalesCampaign.all_stores, shared)


def _offered(session: Session, campaign: SalesCampaign, chosen: Chosen | None) -> Iterator[Offered]:
    """What its products and variants would cost, where any of that is doubtful. Not for the order, whose share depends
    on what else is bought, nor for the cheapest product, which may well be free (S1-22).

    Prices and costs are far fewer than products, so they are looked at first, each pair once.
    """
    if chosen is None or campaign.discount_type != Discount.QUALIFIED_PRODUCT:
        return
    percent, amount = campaign.discount_percent, campaign.discount_amount
    reduced = partial(rules.reduced, currency=catalogue_queries.currency(session), percent=percent, amount=amount)
    for statement in _priced(campaign, chosen):
        _, price_of, cost_of = statement.selected_columns
        pairs = session.execute(statement.with_only_columns(price_of, cost_of).distinct()).tuples()
        if not any(rules.is_doubtful(reduced(price), cost) for price, cost in pairs):
            continue
        for uid, price, cost in session.execute(statement.order_by(statement.selected_columns[0])).yield_per(
            ROWS_AT_ONCE
        ):
            yield Offered(uid, reduced(price), cost)


def _priced(campaign: SalesCampaign, chosen: Chosen) -> Iterator[Any]:
    """Uids with their prices and costs: of products, then of variants that stand by themselves."""
    if campaign.pricelist_id:
        entry, variant = PricelistEntry, PricelistVariant
        products = select(Product.product_uid, entry.price, Product.cost).join(entry, entry.product_id == Product.id)
        yield products.where(entry.pricelist_id == campaign.pricelist_id)
        variants = select(variant.variant_uid, variant.price, Product.cost)
        variants = variants.join(Variant, Variant.variant_uid == variant.variant_uid)
        variants = variants.join(Product, Product.id == Variant.product_id)
        yield variants.where(variant.pricelist_id == campaign.pricelist_id)
    else:
        yield select(Product.product_uid, Product.price, Product.cost).where(Product.id.in_(chosen.products))
        price = func.coalesce(Variant.price, Product.price)
        variants = select(Variant.variant_uid, price, Product.cost).join(Product, Product.id == Variant.product_id)
        yield variants.where(Variant.variant_uid.in_(chosen.variants))
