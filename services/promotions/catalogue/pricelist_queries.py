"""Price lists and what stands on them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import exists, or_, select, union_all
from sqlalchemy.orm import Session

from chassis.core.errors import Invalid, NotFound
from chassis.http.pages import Page, paginate
from services.promotions.carts.campaign_models import CartCampaign
from services.promotions.catalogue import settings_queries
from services.promotions.catalogue.models import Product
from services.promotions.catalogue.pricelist_models import Pricelist, PricelistEntry, PricelistVariant
from services.promotions.catalogue.store_models import Store
from services.promotions.common.queries import among
from services.promotions.common.tenant_models import Settings
from services.promotions.sales.models import SalesCampaign


@dataclass(frozen=True)
class SeenEntry:
    """What a product or a variant costs on a list, or would if there were one."""

    product_uid: str
    price: Decimal
    currency: str


USERS = (SalesCampaign, CartCampaign, Store, Settings)
SHOWN = 200  # products of a list that its detail shows; the others stand in pages of their own


def id_of(session: Session, pricelist_uid: str | None) -> UUID | None:
    """The id of a price list that a body names; None for None.

    Raises:
        Invalid: ``unknown_pricelist``: the caller has none of that uid (S1-3).
    """
    if pricelist_uid is None:
        return None
    found = session.scalar(select(Pricelist.id).where(Pricelist.pricelist_uid == pricelist_uid))
    if found is None:
        raise Invalid.field("pricelistUid", f"There is no price list {pricelist_uid}.", code="unknown_pricelist")
    return found


def pricelist(session: Session, pricelist_uid: str, *, lock: bool = False) -> Pricelist:
    """One price list of the caller, its row locked until the transaction ends where ``lock`` says so.

    Raises:
        NotFound: there is none of that uid.
    """
    statement = select(Pricelist).where(Pricelist.pricelist_uid == pricelist_uid)
    found = session.scalar(statement.with_for_update(key_share=True) if lock else statement)
    if found is None:
        raise NotFound("There is no such price list.")
    return found


def with_products(session: Session, found: Pricelist) -> Pricelist:
    """Give a list the first products that stand on it, for the answer."""
    found.products = entries(session, found, page=1, page_size=SHOWN).items
    return found


def pricelists(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's price lists by their uid, without what stands on them."""
    return paginate(session, select(Pricelist).order_by(Pricelist.pricelist_uid), page=page, page_size=page_size)


def entries(session: Session, found: Pricelist, *, page: int, page_size: int) -> Page:
    """What stands on a price list, by uid: products, variants, and what the catalogue does not have."""
    products = (
        select(Product.product_uid.label("product_uid"), PricelistEntry.price)
        .join(Product, Product.id == PricelistEntry.product_id)
        .where(PricelistEntry.pricelist_id == found.id)
    )
    variants = select(PricelistVariant.variant_uid, PricelistVariant.price)
    listed = union_all(products, variants.where(PricelistVariant.pricelist_id == found.id)).subquery()
    page_of_it = select(listed).order_by(listed.c.product_uid).limit(page_size).offset((page - 1) * page_size)
    currency = settings_queries.currency(session)
    shown = [SeenEntry(uid, price, currency) for uid, price in session.execute(page_of_it)]
    return Page(shown, page, page_size, found.product_count)


def prices_on(
    session: Session, found: Pricelist, products: Mapping[str, UUID], uids: Collection[str]
) -> dict[str, Decimal]:
    """What ``uids`` cost on a list where they stand there, with the ids of those that are products."""
    variants = select(PricelistVariant.variant_uid, PricelistVariant.price)
    mine = variants.where(PricelistVariant.pricelist_id == found.id, among(session, PricelistVariant.variant_uid, uids))
    prices = dict(session.execute(mine).tuples().all())
    entries = select(PricelistEntry.product_id, PricelistEntry.price).where(
        PricelistEntry.pricelist_id == found.id, PricelistEntry.product_id.in_(list(products.values()))
    )
    by_id = dict(session.execute(entries).tuples().all())
    return prices | {uid: by_id[product_id] for uid, product_id in products.items() if product_id in by_id}


def is_used(session: Session, found: Pricelist) -> bool:
    """Whether a campaign of whatever status, a store or the settings name a price list."""
    uses = [exists().where(model.pricelist_id == found.id) for model in USERS]
    return bool(session.scalar(select(or_(*uses))))
