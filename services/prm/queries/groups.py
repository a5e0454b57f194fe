"""Groups with their members, and the union of retailers and groups."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, select, union
from sqlalchemy.orm import Session

from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.prm.models import Group, GroupMember, Relationship, TenantName
from services.prm.queries.names import given, names_of
from services.prm.rules import EXISTING, Side

MISSING = "There is no such group."
LISTED_MEMBERS = 200  # members of each group that a list shows


def groups(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's groups by name, each with its first members: three statements."""
    statement = select(Group).order_by(Group.name_key, Group.id)
    groups_page = paginate(session, statement, page=page, page_size=page_size)
    _add_members(session, groups_page.items, most=LISTED_MEMBERS)
    return groups_page


def group(session: Session, group_id: UUID) -> Group:
    """One group of the caller with all its members.

    Raises:
        NotFound: there is none, or it is another supplier's (S0-9).
    """
    row = one_or_404(session, select(Group).where(Group.id == group_id), MISSING)
    row.retailer_ids = member_ids(session, row)
    return row


def lock_group(session: Session, group_id: UUID) -> Group:
    """One group of the caller, locked until the transaction ends. Raises as ``group``."""
    return one_or_404(session, select(Group).where(Group.id == group_id).with_for_update(), MISSING)


def member_ids(session: Session, row: Group) -> list[UUID]:
    """A group's members in the order they were sent."""
    members = select(GroupMember.retailer_id).where(GroupMember.group_id == row.id).order_by(GroupMember.position)
    return list(session.scalars(members))


def unrelated(session: Session, supplier_id: UUID, retailer_ids: list[UUID]) -> set[UUID]:
    """Which of ``retailer_ids`` have no relationship with the supplier, not even one asked for or ended."""
    asked = given(session, retailer_ids)
    pair = and_(Relationship.supplier_id == supplier_id, Relationship.retailer_id == asked.c.id)
    return set(session.scalars(select(asked.c.id).where(~exists().where(pair))))


def expand(
    session: Session, supplier_id: UUID, *, supplier_name: str, retailer_ids: list[UUID], group_ids: list[UUID]
) -> dict[str, Any]:
    """The union of retailers and members of groups, each once (S0-25, S0-26), by whether a relationship exists (D10).

    Three statements, however many they are. Raises nothing: what is not the supplier's is reported as unknown.
    """
    own = select(Group.id).where(Group.supplier_id == supplier_id, Group.id.in_(set(group_ids)))
    known_ids = set(session.scalars(own))
    related, skipped = [], []
    for retailer_id, name, status in session.execute(_standing(session, supplier_id, retailer_ids, known_ids)):
        if status is None:
            skipped.append({"retailer_id": retailer_id, "retailer_name": name, "reason": "no_relationship"})
        else:
            related.append({"retailer_id": retailer_id, "retailer_name": name})
    return {
        "supplier_name": names_of(session, [supplier_id]).get(supplier_id, supplier_name),
        "related": related,
        "skipped": skipped,
        "unknown_group_ids": [group_id for group_id in dict.fromkeys(group_ids) if group_id not in known_ids],
    }


def _standing(session: Session, supplier_id: UUID, retailer_ids: list[UUID], group_ids: set[UUID]) -> Any:
    """``(retailer id, name, status)`` of everybody asked for; no status where no relationship exists."""
    asked = given(session, retailer_ids)
    members = select(GroupMember.retailer_id).where(GroupMember.group_id.in_(group_ids))
    recipients = union(select(asked.c.id), members).subquery()
    related = and_(
        Relationship.supplier_id == supplier_id,
        Relationship.retailer_id == recipients.c.id,
        Relationship.status.in_([str(status) for status in EXISTING]),
    )
    named = and_(TenantName.id == recipients.c.id, TenantName.kind == str(Side.RETAILER))
    return (
        select(recipients.c.id, TenantName.name, Relationship.status)
        .outerjoin(TenantName, named)
        .outerjoin(Relationship, related)
        .order_by(recipients.c.id)
    )


def _add_members(session: Session, rows: Sequence[Group], *, most: int) -> None:
    ids: dict[UUID, list[UUID]] = {row.id: [] for row in rows}
    members = (
        select(GroupMember.group_id, GroupMember.retailer_id)
        .where(GroupMember.group_id.in_(ids), GroupMember.position < most)
        .order_by(GroupMember.group_id, GroupMember.position)
    )
    for group_id, retailer_id in session.execute(members):
        ids[group_id].append(retailer_id)
    for row in rows:
        row.retailer_ids = ids[row.id]
