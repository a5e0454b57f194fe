"""Finds the products and variants that a campaign's selection has (S1-23 to S1-26, D68)."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, false, func, not_, or_, select
from sqlalchemy.orm import Session

from services.promotions.catalogue.models import Product
from services.promotions.common.models import Base
from services.promotions.sales.models import SalesCampaign
from services.promotions.sales.queries import SIDES

PRODUCTS = Base.metadata.tables["products"].c
PLACES = Base.metadata.tables["product_categories"].c
LINES = Base.metadata.tables["sales_selections"].c
VARIANTS = Base.metadata.tables["variants"].c


def selected_products(session: Session, campaign: SalesCampaign) -> Select[tuple[UUID]]:
    """The ids of the products that a campaign is for as its selection and the catalogue are now (S1-23).

    Included by any of its lines, or by none where there are none (S1-25), and excluded by none (S1-24).
    """
    included, excluded = _conditions(session, campaign)
    statement = select(PRODUCTS.id).where(PRODUCTS.tenant_id == campaign.tenant_id, *map(not_, excluded))
    return statement.where(or_(*included)) if included else statement


def selected_variants(session: Session, campaign: SalesCampaign) -> Select[tuple[str]]:
    """The uids of the variants that a campaign is for although it is not for their products (D68).

    Included by their own uid alone, and excluded neither by it nor by what their product is (S1-24).
    """
    included, excluded = _conditions(session, campaign)
    named = _uids(campaign, "include", "product").subquery()
    return (
        select(VARIANTS.variant_uid)
        .join(named, named.c.uid == VARIANTS.variant_uid)  # they are few, and each is looked up in an index
        .join(Product.__table__, PRODUCTS.id == VARIANTS.product_id)
        .where(
            VARIANTS.tenant_id == campaign.tenant_id,
            VARIANTS.variant_uid.not_in(_uids(campaign, "exclude", "product")),
            *map(not_, (*included, *excluded)),
        )
    )


def excluded_variants(campaign: SalesCampaign) -> Select[tuple[str]]:
    """The uids that a campaign excludes and that are no product's: variants, also those that are still to come."""
    is_product = exists().where(PRODUCTS.tenant_id == campaign.tenant_id, PRODUCTS.product_uid == LINES.uid)
    return _uids(campaign, "exclude", "product").where(not_(is_product))


def _conditions(
    session: Session, campaign: SalesCampaign
) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """By what a product is included, and by what excluded."""
    kinds = select(LINES.side, LINES.kind).where(LINES.campaign_id == campaign.id).distinct()
    there = sorted(session.execute(kinds).tuples().all())
    included, excluded = ([_named(campaign, *line) for line in there if line[0] == side] for side in SIDES)
    return included, excluded


def _uids(campaign: SalesCampaign, side: str, kind: str) -> Select[tuple[str]]:
    return select(LINES.uid).where(LINES.campaign_id == campaign.id, LINES.side == side, LINES.kind == kind)


def _named(campaign: SalesCampaign, side: str, kind: str) -> ColumnElement[bool]:
    """Whether a product is named by the lines of one side and kind; never NULL, so that it can be negated."""
    uids = _uids(campaign, side, kind)
    if kind == "category":
        placed = select(PLACES.product_id).where(PLACES.tenant_id == campaign.tenant_id, PLACES.category_uid.in_(uids))
        return PRODUCTS.id.in_(placed)
    column = PRODUCTS[f"{kind}_uid"]
    return func.coalesce(column.in_(uids), false())
