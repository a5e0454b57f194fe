"""Making, replacing and deleting groups."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, delete, insert, literal, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.http import versions
from services.prm import rules
from services.prm.models import ONE_NAME, Group, GroupMember
from services.prm.queries.groups import lock_group, member_ids, unrelated
from services.prm.queries.names import given

AUDITED_MEMBERS = 1000  # that left and that came, each


def create_group(session: Session, *, name: str, retailer_ids: list[UUID], actor: Principal, now: datetime) -> Group:
    """A new group; ids that repeat count once.

    Raises:
        Invalid: retailers without any relationship with the supplier.
        Conflict: ``group_name_taken``, whatever the case of the letters.
    """
    members = _related_members(session, retailer_ids, actor=actor)
    group = Group(
        id=uuid7(), supplier_id=actor.tenant_id, name=name, retailer_count=len(members), created_at=now, updated_at=now
    )
    session.add(group)
    _save(session, "group.created", group, _member_changes([], members), actor=actor, now=now)
    _insert_members(session, group, members)
    return group


def replace_group(
    session: Session,
    group_id: UUID,
    *,
    name: str,
    retailer_ids: list[UUID],
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Group:
    """Give a group another name and other members. Raises as ``create_group``, and:

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    group = lock_group(session, group_id)
    versions.require(group, expected)
    members = _related_members(session, retailer_ids, actor=actor)
    before = member_ids(session, group)
    group.name, group.retailer_count, group.updated_at = name, len(members), now
    _save(session, "group.replaced", group, _member_changes(before, members), actor=actor, now=now)
    session.execute(delete(GroupMember).where(GroupMember.group_id == group.id))
    _insert_members(session, group, members)
    return group


def delete_group(session: Session, group_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime) -> None:
    """Delete a group; its members lose nothing else.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    group = lock_group(session, group_id)
    versions.require(group, expected)
    gone = {"name": [group.name, None], "retailerCount": [group.retailer_count, None]}
    audit.record(session, "group.deleted", group, tenant_id=actor.tenant_id, actor=actor, now=now, changes=gone)
    session.delete(group)


def _related_members(session: Session, retailer_ids: list[UUID], *, actor: Principal) -> list[UUID]:
    rules.require_related(retailer_ids, unrelated(session, actor.tenant_id, retailer_ids))
    return list(dict.fromkeys(retailer_ids))


def _save(
    session: Session, action: str, group: Group, changes: dict[str, Any], *, actor: Principal, now: datetime
) -> None:
    audit.record(session, action, group, tenant_id=actor.tenant_id, actor=actor, now=now, changes=changes)
    with conflict_if_taken(ONE_NAME, "You have a group of that name already.", code="group_name_taken"):
        session.flush()


def _member_changes(before: list[UUID], after: list[UUID]) -> dict[str, Any]:
    """The members that left and that came, for the audit trail, instead of up to 50,000 ids."""
    left, came = set(before) - set(after), set(after) - set(before)
    if not left and not came:
        return {}
    return {"retailerIds": [sorted(map(str, left))[:AUDITED_MEMBERS], sorted(map(str, came))[:AUDITED_MEMBERS]]}


def _insert_members(session: Session, group: Group, members: list[UUID]) -> None:
    rows = given(session, members)
    listed = select(literal(group.id, Uuid()), rows.c.id, rows.c.position)
    columns = ["group_id", "retailer_id", "position"]
    session.execute(insert(GroupMember.__table__).from_select(columns, listed))  # type: ignore[arg-type]
    group.retailer_ids = members
