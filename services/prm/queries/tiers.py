"""Tiers with their counts, their holders, and a retailer's own."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.prm.models import Assignment, TenantName, Tier

MISSING = "There is no such tier."


def tiers(session: Session, supplier_id: UUID, *, page: int, page_size: int) -> Page:
    """A supplier's tiers in their order, with benefits and counts: three statements (S0-47)."""
    statement = select(Tier).where(Tier.supplier_id == supplier_id).order_by(Tier.sort_order, Tier.name, Tier.id)
    tiers_page = paginate(session, statement, page=page, page_size=page_size)
    count_assignments(session, tiers_page.items)
    return tiers_page


def tier(session: Session, tier_id: UUID) -> Tier:
    """One tier of the caller with its count.

    Raises:
        NotFound: there is none, or it is another supplier's (S0-9).
    """
    row = one_or_404(session, select(Tier).where(Tier.id == tier_id), MISSING)
    count_assignments(session, [row])
    return row


def lock_tier(session: Session, tier_id: UUID) -> Tier:
    """One tier of the caller, locked until the transaction ends. Raises as ``tier``."""
    return one_or_404(session, select(Tier).where(Tier.id == tier_id).with_for_update(), MISSING)


def number_of_tiers(session: Session, supplier_id: UUID) -> int:
    return session.scalar(select(func.count()).select_from(Tier).where(Tier.supplier_id == supplier_id)) or 0


def count_assignments(session: Session, rows: Sequence[Tier]) -> None:
    """Give every tier its ``assignment_count``, by one grouped statement."""
    statement = select(Assignment.tier_id, func.count()).where(Assignment.tier_id.in_([row.id for row in rows]))
    counts = dict(session.execute(statement.group_by(Assignment.tier_id)).tuples().all())
    for row in rows:
        row.assignment_count = counts.get(row.id, 0)


def assignments(session: Session, tier_id: UUID, *, page: int, page_size: int) -> Page:
    """The retailers on one tier of the caller, by name. Raises as ``tier``."""
    tier(session, tier_id)
    statement = (
        select(Assignment, TenantName.name)
        .join(TenantName, TenantName.id == Assignment.retailer_id)
        .where(Assignment.tier_id == tier_id)
        .order_by(TenantName.name, Assignment.retailer_id)
    )
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda row: _name(*row))


def assignment_of(session: Session, supplier_id: UUID, retailer_id: UUID) -> Assignment | None:
    """What a retailer holds of a supplier."""
    pair = (Assignment.supplier_id == supplier_id, Assignment.retailer_id == retailer_id)
    return session.scalar(select(Assignment).where(*pair))


def holders(session: Session, tier_id: UUID) -> list[tuple[UUID, str]]:
    """Id and name of every retailer on a tier."""
    statement = (
        select(Assignment.retailer_id, TenantName.name)
        .join(TenantName, TenantName.id == Assignment.retailer_id)
        .where(Assignment.tier_id == tier_id)
        .order_by(Assignment.retailer_id)
    )
    return list(session.execute(statement).tuples())


def tiers_held(session: Session, retailer_id: UUID, *, page: int, page_size: int) -> Page:
    """What a retailer holds of all its suppliers, by the supplier's name: two statements (S0-53, S0-54)."""
    tier = Tier.__table__.c  # not the class: the supplier sees its tiers, the retailer sees one through its assignment
    statement = (
        select(
            tier.id.label("tier_id"),
            tier.name.label("tier_name"),
            tier.description,
            tier.supplier_id,
            TenantName.name.label("supplier_name"),
            tier.benefits,
        )
        .select_from(Assignment)
        .join(Tier.__table__, tier.id == Assignment.tier_id)
        .join(TenantName, TenantName.id == tier.supplier_id)
        .where(Assignment.retailer_id == retailer_id)
        .order_by(TenantName.name, tier.supplier_id)
    )
    return paginate(session, statement, page=page, page_size=page_size)


def _name(assignment: Assignment, retailer_name: str) -> Assignment:
    assignment.retailer_name = retailer_name
    return assignment
