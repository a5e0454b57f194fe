"""What the ids in a cart campaign are: a product, one of its variants, or nothing that the tenant sells (D68)."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.promotions.carts.campaign_rules import MatchMode
from services.promotions.catalogue.models import Product, Variant
from services.promotions.common.queries import among


def products_of(session: Session, ids: Collection[str]) -> dict[str, str]:
    """The product that each of ``ids`` is, or is a variant of; without those that the catalogue does not have."""
    if not ids:
        return {}
    products = select(Product.product_uid, Product.product_uid).where(among(session, Product.product_uid, ids))
    variants = select(Variant.variant_uid, Product.product_uid).join(Product, Product.id == Variant.product_id)
    named = union_all(products, variants.where(among(session, Variant.variant_uid, ids)))
    return dict(session.execute(named).tuples().all())


def is_about(
    session: Session, product_id: str, id_column: InstrumentedAttribute[str], mode_column: InstrumentedAttribute[str]
) -> Any:
    """Whether a line of a campaign is about a product or variant, as a condition (D54).

    A line that names a product is about its variants, one that names a variant is about its product, and one that
    names a variant for all of its product is about the other variants too.
    """
    product = products_of(session, [product_id]).get(product_id, product_id)
    variants = select(Variant.variant_uid).join(Product, Product.id == Variant.product_id)
    family = {product, *session.scalars(variants.where(Product.product_uid == product))}
    near = family if product == product_id else {product, product_id}
    as_product = and_(mode_column == MatchMode.PRODUCT, among(session, id_column, family))
    return or_(among(session, id_column, near), as_product)
