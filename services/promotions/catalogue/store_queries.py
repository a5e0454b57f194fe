"""Read stores and customer groups."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from chassis.core.errors import Invalid
from chassis.data.bulk import among
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.promotions.catalogue.models import CustomerGroup, Store
from services.promotions.catalogue.pricelist_queries import name_pricelists


def store(session: Session, store_uid: str) -> Store:
    """One store of the caller.

    Raises:
        NotFound: there is none of that uid.
    """
    return _store(session, select(Store), store_uid)


def lock_store(session: Session, store_uid: str) -> Store:
    """As ``store``, its row locked until the transaction ends."""
    return _store(session, select(Store).with_for_update(key_share=True), store_uid)


def _store(session: Session, statement: Select[tuple[Store]], store_uid: str) -> Store:
    row = one_or_404(session, statement.where(Store.store_uid == store_uid), "There is no such store.")
    name_pricelists(session, [row])
    return row


def stores(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's stores by their uid."""
    page_of_stores = paginate(session, select(Store).order_by(Store.store_uid), page=page, page_size=page_size)
    name_pricelists(session, page_of_stores.items)
    return page_of_stores


def by_uids(session: Session, store_uids: Collection[str]) -> list[Store]:
    """The stores that a body names, in its order.

    Raises:
        Invalid: ``unknown_store``; ``errors`` names each that the caller does not have.
    """
    rows = session.scalars(select(Store).where(among(session, Store.store_uid, store_uids)))
    known = {store.store_uid: store for store in rows}
    missing = [
        {"field": f"storeUids.{place}", "message": f"There is no store {store_uid}."}
        for place, store_uid in enumerate(store_uids)
        if store_uid not in known
    ]
    if missing:
        raise Invalid(" ".join(store["message"] for store in missing[:3]), code="unknown_store", errors=missing[:100])
    return [known[store_uid] for store_uid in dict.fromkeys(store_uids)]


def customer_group(session: Session, customer_group_uid: str) -> CustomerGroup:
    """One group of the caller.

    Raises:
        NotFound: there is none of that uid.
    """
    return one_or_404(session, _customer_group_of(customer_group_uid), "There is no such customer group.")


def lock_customer_group(session: Session, customer_group_uid: str) -> CustomerGroup:
    """As ``customer_group``, its row locked until the transaction ends."""
    return one_or_404(
        session,
        _customer_group_of(customer_group_uid).with_for_update(key_share=True),
        "There is no such customer group.",
    )


def _customer_group_of(customer_group_uid: str) -> Select[tuple[CustomerGroup]]:
    return select(CustomerGroup).where(CustomerGroup.customer_group_uid == customer_group_uid)


def customer_groups(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's groups by their uid."""
    statement = select(CustomerGroup).order_by(CustomerGroup.customer_group_uid)
    return paginate(session, statement, page=page, page_size=page_size)


def customer_group_id(session: Session, customer_group_uid: str | None) -> UUID | None:
    """The id of a group that a body names; None for None.

    Raises:
        Invalid: ``unknown_customer_group``: the caller has none of that uid.
    """
    if customer_group_uid is None:
        return None
    named = CustomerGroup.customer_group_uid == customer_group_uid
    row_id = session.scalar(select(CustomerGroup.id).where(named))
    if row_id is None:
        message = f"There is no customer group {customer_group_uid}."
        raise Invalid.field("customerGroupUid", message, code="unknown_customer_group")
    return row_id
