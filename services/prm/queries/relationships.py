"""Relationships as one of their two sides sees them."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from chassis.core.errors import NotFound
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.prm.models import Relationship, TenantName
from services.prm.queries.names import names_of
from services.prm.rules import EXISTING

MISSING = "There is no such relationship."
Supplier, Retailer = aliased(TenantName), aliased(TenantName)


def relationships(session: Session, *, page: int, page_size: int, status: str | None = None) -> Page:
    """The caller's relationships, newest first."""
    statement = _with_names().order_by(Relationship.id.desc())
    if status:
        statement = statement.where(Relationship.status == status)
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda row: _name(*row))


def relationship(session: Session, relationship_id: UUID) -> Relationship:
    """One of the caller's relationships.

    Raises:
        NotFound: there is none, or it is of others (S0-9).
    """
    row = session.execute(_with_names().where(Relationship.id == relationship_id)).one_or_none()
    if row is None:
        raise NotFound(MISSING)
    return _name(*row)


def lock_relationship(session: Session, relationship_id: UUID) -> Relationship:
    """One of the caller's relationships, locked until the transaction ends. Raises as ``relationship``."""
    statement = select(Relationship).where(Relationship.id == relationship_id).with_for_update()
    return name_sides(session, one_or_404(session, statement, MISSING))


def lock_pair(session: Session, supplier_id: UUID, retailer_id: UUID) -> Relationship | None:
    """The relationship of a pair, locked until the transaction ends."""
    pair = (Relationship.supplier_id == supplier_id, Relationship.retailer_id == retailer_id)
    return session.scalar(select(Relationship).where(*pair).with_for_update())


def exists_between(session: Session, supplier_id: UUID, retailer_id: UUID) -> bool:
    """Whether a relationship of the pair exists in the sense of D10."""
    pair = (Relationship.supplier_id == supplier_id, Relationship.retailer_id == retailer_id)
    status = session.scalar(select(Relationship.status).where(*pair))
    return status in EXISTING


def name_sides(session: Session, row: Relationship) -> Relationship:
    names = names_of(session, [row.supplier_id, row.retailer_id])
    return _name(row, names[row.supplier_id], names[row.retailer_id])


def _with_names() -> Select[tuple[Relationship, str, str]]:
    return (
        select(Relationship, Supplier.name, Retailer.name)
        .join(Supplier, Supplier.id == Relationship.supplier_id)
        .join(Retailer, Retailer.id == Relationship.retailer_id)
    )


def _name(row: Relationship, supplier_name: str, retailer_name: str) -> Relationship:
    row.supplier_name, row.retailer_name = supplier_name, retailer_name
    return row
