"""Linked products: one, and a filtered list (S4-19)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from services.promotions.carts import list_queries
from services.promotions.carts.campaign_models import LinkedProducts
from services.promotions.carts.list_queries import Listed
from services.promotions.carts.list_rules import SortKey
from services.promotions.catalogue import product_id_queries


def linked(session: Session, linked_id: UUID, *, lock: bool = False) -> LinkedProducts:
    """Linked products of the caller's tenant, the row locked until the transaction ends where ``lock`` says so.

    Raises:
        NotFound: there are none of that id, or they are another's.
    """
    statement = select(LinkedProducts).where(LinkedProducts.id == linked_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound("There are no such linked products.")
    return found


def linked_products(session: Session, *, page: int, size: int, sort: Sequence[SortKey], **filters: Any) -> Listed:
    """The tenant's linked products; ``filters`` are names of columns and what they must be.

    Those on ids find products by their variants and the other way round (D54).
    """
    about = {name: filters.pop(name) for name in IDS if name in filters}
    statement = select(LinkedProducts).filter_by(**filters)
    for name, product_id in about.items():
        statement = statement.where(product_id_queries.is_about(session, product_id, *IDS[name]))
    return list_queries.list_page(session, statement, COLUMNS, sort=sort, page=page, size=size)


IDS = {
    "base_id": (LinkedProducts.base_id, LinkedProducts.base_match_mode),
    "linked_id": (LinkedProducts.linked_id, LinkedProducts.linked_match_mode),
}
COLUMNS = {
    name: lambda _descending, column=column: column
    for name, column in {
        "id": LinkedProducts.id,
        "customerId": LinkedProducts.customer_id,
        "marketingCampaignId": LinkedProducts.marketing_campaign_id,
        "createDate": LinkedProducts.created_at,
        "updateDate": LinkedProducts.updated_at,
        "dbVersion": LinkedProducts.db_version,
        "baseProduct.id": LinkedProducts.base_id,
        "baseProduct.matchMode": LinkedProducts.base_match_mode,
        "linkedProduct.id": LinkedProducts.linked_id,
        "linkedProduct.matchMode": LinkedProducts.linked_match_mode,
        "linkedProduct.quantitySelector": LinkedProducts.quantity_selector,
    }.items()
}
