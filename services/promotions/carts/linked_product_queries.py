"""Read linked products: one, and a filtered list (S4-19)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.data.lookup import one_or_404
from services.promotions.carts import campaign_queries, list_queries
from services.promotions.carts.campaign_models import LinkedProducts
from services.promotions.carts.campaign_rules import LINKED_PRODUCTS_SORTS, SortKey
from services.promotions.carts.list_queries import Listed

MISSING = "There are no such linked products."


def link(session: Session, linked_id: UUID) -> LinkedProducts:
    """Linked products of the caller's tenant.

    Raises:
        NotFound: there are none of that id, or they are another's.
    """
    return one_or_404(session, select(LinkedProducts).where(LinkedProducts.id == linked_id), MISSING)


def lock_link(session: Session, linked_id: UUID) -> LinkedProducts:
    """As ``link``, the row locked until the transaction ends."""
    return one_or_404(session, select(LinkedProducts).where(LinkedProducts.id == linked_id).with_for_update(), MISSING)


def lock_links_of_campaign(session: Session, campaign_id: UUID) -> Sequence[LinkedProducts]:
    """All linked products of a campaign, locked in the order of their ids."""
    statement = select(LinkedProducts).where(LinkedProducts.marketing_campaign_id == campaign_id)
    return session.scalars(statement.order_by(LinkedProducts.id).with_for_update()).all()


def linked_products(session: Session, *, page: int, size: int, sort: Sequence[SortKey], **filters: Any) -> Listed:
    """The tenant's linked products; ``filters`` are names of columns and what they must be.

    Those on ids find products by their variants and the other way round (D54).
    """
    about = {name: filters.pop(name) for name in IDS if name in filters}
    statement = select(LinkedProducts).filter_by(**filters)
    for name, product_id in about.items():
        statement = statement.where(campaign_queries.is_about(session, product_id, *IDS[name]))
    keys = [(getattr(LinkedProducts, LINKED_PRODUCTS_SORTS[key.name]), key.descending) for key in sort]
    return list_queries.list_page(session, statement, LinkedProducts.id, keys, page=page, size=size)


IDS = {
    "base_id": (LinkedProducts.base_id, LinkedProducts.base_match_mode),
    "linked_id": (LinkedProducts.linked_id, LinkedProducts.linked_match_mode),
}
