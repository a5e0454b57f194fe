"""Read price lists and the prices on them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, or_, select, union_all
from sqlalchemy.orm import Session

from chassis.core.errors import Invalid
from chassis.data.bulk import among
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.promotions.catalogue import product_queries, queries
from services.promotions.catalogue.models import Pricelist, PricelistEntry, PricelistVariant, Product
from services.promotions.common.models import Base
from services.promotions.common.rules import Code


@dataclass(frozen=True)
class SeenEntry:
    """What a product or a variant costs on a list, or would if there were one."""

    product_uid: str
    price: Decimal
    currency: str


SHOWN = 200  # products of a list that its detail shows; the others stand in pages of their own


def pricelist_id(session: Session, pricelist_uid: str | None) -> UUID | None:
    """The id of a price list that a body names; None for None.

    Raises:
        Invalid: ``unknown_pricelist``: the caller has none of that uid (S1-3).
    """
    if pricelist_uid is None:
        return None
    row_id = session.scalar(select(Pricelist.id).where(Pricelist.pricelist_uid == pricelist_uid))
    if row_id is None:
        raise Invalid.field("pricelistUid", f"There is no price list {pricelist_uid}.", code="unknown_pricelist")
    return row_id


def pricelist(session: Session, pricelist_uid: str) -> Pricelist:
    """One price list of the caller.

    Raises:
        NotFound: there is none of that uid.
    """
    return one_or_404(session, _pricelist_of(pricelist_uid), "There is no such price list.")


def lock_pricelist(session: Session, pricelist_uid: str) -> Pricelist:
    """As ``pricelist``, its row locked until the transaction ends."""
    return one_or_404(
        session, _pricelist_of(pricelist_uid).with_for_update(key_share=True), "There is no such price list."
    )


def _pricelist_of(pricelist_uid: str) -> Select[tuple[Pricelist]]:
    return select(Pricelist).where(Pricelist.pricelist_uid == pricelist_uid)


def name_pricelists(session: Session, rows: Sequence[Any]) -> None:
    """Give rows with a ``pricelist_id`` the ``pricelist_uid`` of that list, for the answer."""
    ids = {row.pricelist_id for row in rows if row.pricelist_id}
    named = select(Pricelist.id, Pricelist.pricelist_uid).where(Pricelist.id.in_(ids))
    uids = dict(session.execute(named).tuples().all()) if ids else {}
    for row in rows:
        row.pricelist_uid = uids.get(row.pricelist_id)


def with_products(session: Session, pricelist: Pricelist) -> Pricelist:
    """Give a list the first products that stand on it, for the answer."""
    pricelist.products = entries(session, pricelist, page=1, page_size=SHOWN).items
    return pricelist


def pricelists(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's price lists by their uid, without their entries."""
    return paginate(session, select(Pricelist).order_by(Pricelist.pricelist_uid), page=page, page_size=page_size)


def entries(session: Session, pricelist: Pricelist, *, page: int, page_size: int) -> Page:
    """The entries of a price list, by uid: products, variants, and uids that the catalogue does not have."""
    products = (
        select(Product.product_uid.label("product_uid"), PricelistEntry.price)
        .join(Product, Product.id == PricelistEntry.product_id)
        .where(PricelistEntry.pricelist_id == pricelist.id)
    )
    variants = select(PricelistVariant.variant_uid, PricelistVariant.price)
    listed = union_all(products, variants.where(PricelistVariant.pricelist_id == pricelist.id)).subquery()
    page_of_it = select(listed).order_by(listed.c.product_uid).limit(page_size).offset((page - 1) * page_size)
    currency = queries.currency(session)
    shown = [SeenEntry(uid, price, currency) for uid, price in session.execute(page_of_it)]
    return Page(shown, page, page_size, pricelist.product_count)


def prices_on(
    session: Session, pricelist: Pricelist, products: Mapping[str, UUID], uids: Collection[str]
) -> dict[str, Decimal]:
    """What ``uids`` cost on a list where they stand there, with the ids of those that are products."""
    variants = select(PricelistVariant.variant_uid, PricelistVariant.price)
    mine = variants.where(
        PricelistVariant.pricelist_id == pricelist.id, among(session, PricelistVariant.variant_uid, uids)
    )
    prices = dict(session.execute(mine).tuples().all())
    entries = select(PricelistEntry.product_id, PricelistEntry.price).where(
        PricelistEntry.pricelist_id == pricelist.id, PricelistEntry.product_id.in_(list(products.values()))
    )
    by_id = dict(session.execute(entries).tuples().all())
    return prices | {uid: by_id[product_id] for uid, product_id in products.items() if product_id in by_id}


def warnings(session: Session, entries: Iterable[Mapping[str, Any]], removed: Iterable[str] = ()) -> list[Code]:
    """``unknown_product`` where entries of a list name what the catalogue does not have (D68)."""
    uids = [*(entry["product_uid"] for entry in entries), *removed]
    return [Code.UNKNOWN_PRODUCT] if product_queries.unknown(session, uids) else []


def is_used(session: Session, pricelist: Pricelist) -> bool:
    """Whether a campaign of whatever status, a store or the settings name a price list.

    The metadata says which tables can: this room does not know the campaigns that use it.
    """
    key = Pricelist.__table__.c.id
    keys = [foreign for table in Base.metadata.sorted_tables for foreign in table.foreign_keys if foreign.column is key]
    uses = [exists().where(foreign.parent == pricelist.id) for foreign in keys if not foreign.parent.primary_key]
    return bool(session.scalar(select(or_(*uses))))


def variant_prices(pricelists: Collection[UUID], uids: Collection[str]) -> Any:
    """What variants cost on lists where they stand by themselves (D68)."""
    entry = PricelistVariant
    priced = select(entry.pricelist_id, entry.variant_uid, entry.price)
    return priced.where(entry.pricelist_id.in_(pricelists), entry.variant_uid.in_(uids))
