"""A tenant's products, with their categories and variants."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from chassis.errors import NotFound
from chassis.pages import Page, paginate
from services.promotions.models import Product, ProductCategory, Variant
from services.promotions.queries.given import among


@dataclass(frozen=True)
class SeenProduct:
    """A product with all that belongs to it."""

    product: Product
    category_uids: Sequence[str]
    variants: Sequence[Variant]


def product(session: Session, product_uid: str) -> SeenProduct:
    """One product of the caller.

    Raises:
        NotFound: there is none of that uid.
    """
    found = session.scalar(select(Product).where(Product.product_uid == product_uid))
    if found is None:
        raise NotFound("There is no such product.")
    return complete(session, [found])[0]


def products(
    session: Session,
    *,
    page: int,
    page_size: int,
    q: str | None = None,
    brand_uid: str | None = None,
    category_uid: str | None = None,
    product_group_uid: str | None = None,
) -> Page:
    """The caller's products by their uid: four statements, whatever the page holds."""
    statement = select(Product).order_by(Product.product_uid)
    if q is not None:
        statement = statement.where(
            or_(Product.name.icontains(q, autoescape=True), Product.product_uid.icontains(q, autoescape=True))
        )
    if brand_uid is not None:
        statement = statement.where(Product.brand_uid == brand_uid)
    if product_group_uid is not None:
        statement = statement.where(Product.product_group_uid == product_group_uid)
    if category_uid is not None:
        placed = (ProductCategory.product_id == Product.id, ProductCategory.category_uid == category_uid)
        statement = statement.where(exists().where(*placed, ProductCategory.tenant_id == Product.tenant_id))
    found = paginate(session, statement, page=page, page_size=page_size)
    return Page(complete(session, found.items), page, page_size, found.total_items)


def complete(session: Session, found: Sequence[Product]) -> list[SeenProduct]:
    """Products with their categories and variants, by two statements."""
    ids = [each.id for each in found]
    categories: dict[UUID, list[str]] = defaultdict(list)
    placed = select(ProductCategory.product_id, ProductCategory.category_uid).where(ProductCategory.product_id.in_(ids))
    for product_id, category_uid in session.execute(placed.order_by(ProductCategory.category_uid)).tuples():
        categories[product_id].append(category_uid)
    variants: dict[UUID, list[Variant]] = defaultdict(list)
    for variant in session.scalars(select(Variant).where(Variant.product_id.in_(ids)).order_by(Variant.variant_uid)):
        variants[variant.product_id].append(variant)
    return [SeenProduct(each, categories[each.id], variants[each.id]) for each in found]


def ids_of(session: Session, product_uids: Collection[str]) -> dict[str, UUID]:
    """The ids of those of the caller's products that there are."""
    known = select(Product.product_uid, Product.id).where(among(session, Product.product_uid, product_uids))
    return dict(session.execute(known).tuples().all())


def variants_among(session: Session, uids: Collection[str]) -> set[str]:
    """Those of ``uids`` that are the caller's variants'."""
    if not uids:
        return set()
    return set(session.scalars(select(Variant.variant_uid).where(among(session, Variant.variant_uid, uids))))
