"""A tenant's stores."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import Invalid, NotFound
from chassis.http.pages import Page, paginate
from services.promotions.catalogue.pricelist_models import Pricelist
from services.promotions.catalogue.store_models import Store
from services.promotions.common.queries import among


def store(session: Session, store_uid: str, *, lock: bool = False) -> Store:
    """One store of the caller, its row locked until the transaction ends where ``lock`` says so.

    Raises:
        NotFound: there is none of that uid.
    """
    statement = select(Store).where(Store.store_uid == store_uid)
    found = session.scalar(statement.with_for_update(key_share=True) if lock else statement)
    if found is None:
        raise NotFound("There is no such store.")
    with_pricelists(session, [found])
    return found


def stores(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's stores by their uid."""
    found = paginate(session, select(Store).order_by(Store.store_uid), page=page, page_size=page_size)
    with_pricelists(session, found.items)
    return found


def with_pricelists(session: Session, found: Sequence[Store]) -> None:
    """Give stores the uids of their price lists, for the answer."""
    ids = {each.pricelist_id for each in found if each.pricelist_id}
    named = select(Pricelist.id, Pricelist.pricelist_uid).where(Pricelist.id.in_(ids))
    uids = dict(session.execute(named).tuples().all()) if ids else {}
    for each in found:
        each.pricelist_uid = uids[each.pricelist_id] if each.pricelist_id else None


def by_uids(session: Session, store_uids: Collection[str]) -> list[Store]:
    """The stores that a body names, in its order.

    Raises:
        Invalid: ``unknown_store``; ``errors`` names each that the caller does not have.
    """
    found = session.scalars(select(Store).where(among(session, Store.store_uid, store_uids)))
    known = {each.store_uid: each for each in found}
    missing = [
        {"field": f"storeUids.{place}", "message": f"There is no store {store_uid}."}
        for place, store_uid in enumerate(store_uids)
        if store_uid not in known
    ]
    if missing:
        raise Invalid(" ".join(each["message"] for each in missing[:3]), code="unknown_store", errors=missing[:100])
    return [known[store_uid] for store_uid in dict.fromkeys(store_uids)]
