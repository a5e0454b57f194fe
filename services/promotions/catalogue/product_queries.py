"""Read products, with their categories and variants."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import exists, or_, select, union_all
from sqlalchemy.orm import Session

from chassis.data.bulk import among
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.promotions.catalogue import queries
from services.promotions.catalogue.models import Product, ProductCategory, Variant
from services.promotions.common.queries import has_words


@dataclass(frozen=True)
class SeenVariant:
    """A variant; ``price`` is None where it costs what the product does."""

    id: UUID
    variant_uid: str
    price: Decimal | None
    currency: str


@dataclass(frozen=True)
class SeenProduct:
    """A product with all that belongs to it, priced in ``currency``."""

    product: Product
    category_uids: Sequence[str]
    variants: Sequence[SeenVariant]
    currency: str


def product(session: Session, product_uid: str) -> SeenProduct:
    """One product of the caller.

    Raises:
        NotFound: there is none of that uid.
    """
    row = one_or_404(session, select(Product).where(Product.product_uid == product_uid), "There is no such product.")
    return complete(session, [row], queries.currency(session))[0]


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
    """The caller's products by their uid: five statements, whatever the page holds."""
    statement = select(Product).order_by(Product.product_uid)
    if q is not None:
        statement = statement.where(or_(has_words(Product.name, q), has_words(Product.product_uid, q)))
    if brand_uid is not None:
        statement = statement.where(Product.brand_uid == brand_uid)
    if product_group_uid is not None:
        statement = statement.where(Product.product_group_uid == product_group_uid)
    if category_uid is not None:
        placed = (ProductCategory.product_id == Product.id, ProductCategory.category_uid == category_uid)
        statement = statement.where(exists().where(*placed, ProductCategory.tenant_id == Product.tenant_id))
    rows = paginate(session, statement, page=page, page_size=page_size)
    return Page(complete(session, rows.items, queries.currency(session)), page, page_size, rows.total_items)


def complete(session: Session, products: Sequence[Product], currency: str) -> list[SeenProduct]:
    """Products with their categories and variants, by two statements."""
    ids = [product.id for product in products]
    categories: dict[UUID, list[str]] = defaultdict(list)
    placed = select(ProductCategory.product_id, ProductCategory.category_uid).where(ProductCategory.product_id.in_(ids))
    for product_id, category_uid in session.execute(placed.order_by(ProductCategory.category_uid)).tuples():
        categories[product_id].append(category_uid)
    variants: dict[UUID, list[SeenVariant]] = defaultdict(list)
    for row in session.scalars(select(Variant).where(Variant.product_id.in_(ids)).order_by(Variant.variant_uid)):
        variants[row.product_id].append(SeenVariant(row.id, row.variant_uid, row.price, currency))
    return [SeenProduct(product, categories[product.id], variants[product.id], currency) for product in products]


def ids_of(session: Session, product_uids: Collection[str]) -> dict[str, UUID]:
    """The ids of those of the caller's products that there are."""
    known = select(Product.product_uid, Product.id).where(among(session, Product.product_uid, product_uids))
    return dict(session.execute(known).tuples().all())


def unknown(session: Session, uids: Collection[str]) -> set[str]:
    """Those of ``uids`` that the caller has neither a product nor a variant of."""
    return set(uids) - products_of(session, uids).keys()


def products_of(session: Session, ids: Collection[str]) -> dict[str, str]:
    """The product that each of ``ids`` is, or is a variant of; without those that the catalogue does not have."""
    if not ids:
        return {}
    products = select(Product.product_uid, Product.product_uid).where(among(session, Product.product_uid, ids))
    variants = select(Variant.variant_uid, Product.product_uid).join(Product, Product.id == Variant.product_id)
    named = union_all(products, variants.where(among(session, Variant.variant_uid, ids)))
    return dict(session.execute(named).tuples().all())
