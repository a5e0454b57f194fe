"""What somebody should know of a campaign before activating it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from services.promotions.engine import Discount
from services.promotions.models import PricelistEntry, Product, SalesCampaign, SalesSnapshot, SalesStore
from services.promotions.queries import sales
from services.promotions.rules import warnings as rules
from services.promotions.rules.warnings import Code, Offered, Warned

ROWS_AT_ONCE = 5000


def warnings(session: Session, campaign: SalesCampaign, *, now: datetime) -> list[Warned]:
    """Everything there is to say; empty where nothing is."""
    chosen = _chosen(session, campaign)
    found: list[Warned] = []
    if campaign.valid_to < now:
        found.append(Warned(Code.ENDS_IN_THE_PAST, "It has ended already, so it would have no effect."))
    if chosen is not None and not session.scalar(select(exists(chosen))):
        found.append(Warned(Code.EMPTY_SELECTION, "It is for no product, so it would have no effect."))
    found += rules.about_overlap(_overlapping(session, campaign, chosen))
    found += rules.about_prices(_offered(session, campaign, chosen))
    return found


def _chosen(session: Session, campaign: SalesCampaign) -> Select[tuple[UUID]] | None:
    """The ids of the products a campaign is for; None where it is for the order."""
    if campaign.pricelist_id:
        return select(PricelistEntry.product_id).where(PricelistEntry.pricelist_id == campaign.pricelist_id)
    if campaign.discount_type == Discount.ORDER_DISCOUNT:
        return None
    if campaign.status == "ACTIVE":
        return select(SalesSnapshot.product_id).where(SalesSnapshot.campaign_id == campaign.id)
    return sales.selected_products(session, campaign)


def _overlapping(session: Session, campaign: SalesCampaign, chosen: Select[tuple[UUID]] | None) -> list[str]:
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
        by_order = SalesCampaign.discount_type == Discount.ORDER_DISCOUNT
        selected = exists().where(SalesSnapshot.campaign_id == SalesCampaign.id, SalesSnapshot.product_id.in_(chosen))
        listed = exists().where(
            PricelistEntry.pricelist_id == SalesCampaign.pricelist_id, PricelistEntry.product_id.in_(chosen)
        )
        others = others.where(or_(by_order, selected, listed))
    return list(session.scalars(others.order_by(SalesCampaign.campaign_uid)))


def _shares_a_store(campaign: SalesCampaign) -> ColumnElement[bool]:
    if campaign.all_stores:
        return SalesCampaign.id.is_not(None)
    here, there = aliased(SalesStore), aliased(SalesStore)
    shared = exists().where(
        here.campaign_id == campaign.id, there.store_id == here.store_id, there.campaign_id == SalesCampaign.id
    )
    return or_(SalesCampaign.all_stores, shared)


def _offered(session: Session, campaign: SalesCampaign, chosen: Select[tuple[UUID]] | None) -> Iterator[Offered]:
    """What its products would cost, where any of that is doubtful. Not for the order, whose share depends on what else
    is bought, nor for the cheapest product, which may well be free (S1-22).

    Prices and costs are far fewer than products, so they are looked at first, each pair once.
    """
    statement: Any
    if campaign.pricelist_id:
        statement = select(Product.product_uid, PricelistEntry.price, Product.cost)
        statement = statement.join(Product, Product.id == PricelistEntry.product_id)
        statement = statement.where(PricelistEntry.pricelist_id == campaign.pricelist_id)
    elif chosen is not None and campaign.discount_type == Discount.QUALIFIED_PRODUCT:
        statement = select(Product.product_uid, Product.price, Product.cost).where(Product.id.in_(chosen))
    else:
        return
    percent, amount = campaign.discount_percent, campaign.discount_amount
    _, price_of, cost_of = statement.selected_columns
    pairs = session.execute(statement.with_only_columns(price_of, cost_of).distinct()).tuples()
    if not any(rules.is_doubtful(rules.reduced(price, percent=percent, amount=amount), cost) for price, cost in pairs):
        return
    for uid, price, cost in session.execute(statement.order_by(Product.product_uid)).yield_per(ROWS_AT_ONCE):
        yield Offered(uid, rules.reduced(price, percent=percent, amount=amount), cost)
