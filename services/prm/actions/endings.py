"""What becomes of a tenant that has ended: its relationships end, it leaves the groups of others, its name goes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from chassis.core.principal import NOBODY, SYSTEM, Principal
from chassis.data.bulk import execute_counted
from chassis.messaging.events import MAX_SEQUENCE
from privacy.tenant_data import FORMER_COMPANY, TenantData
from services.prm.actions import names, relationships, tiers
from services.prm.models import Group, GroupMember, Relationship, TenantName
from services.prm.queries.relationships import lock_pair
from services.prm.rules import Status

AT_ONCE = 50  # relationships or groups; each locks rows of another company


def end_relationships(session: Session, _data: TenantData, tenant_id: UUID, now: datetime) -> bool:
    """End some relationships of the tenant as a supplier ends one: the other side hears of it, and tiers are taken
    away. Programmes are locked first, as everywhere, in the order of their ids."""
    own = or_(Relationship.supplier_id == tenant_id, Relationship.retailer_id == tenant_id)
    going_on = select(Relationship.supplier_id, Relationship.retailer_id).where(
        own, Relationship.status != str(Status.INACTIVE)
    )
    pairs = session.execute(going_on.order_by(Relationship.supplier_id, Relationship.retailer_id).limit(AT_ONCE)).all()
    for supplier_id in sorted({supplier_id for supplier_id, _ in pairs}):
        tiers.lock_programme(session, supplier_id)
    for supplier_id, retailer_id in pairs:
        relationship = lock_pair(session, supplier_id, retailer_id)
        if relationship is not None and relationship.status != Status.INACTIVE:
            actor = Principal(NOBODY, supplier_id, SYSTEM, name="prm")
            relationships.end(session, relationship, actor=actor, now=now)
    return len(pairs) == AT_ONCE


def leave_groups(session: Session, _data: TenantData, tenant_id: UUID, now: datetime) -> bool:
    """Take the tenant out of some groups of others. The groups are locked in the order of their ids. A supplier may
    have taken it out of one while that was waited for, and has counted it off then."""
    mine = select(GroupMember.group_id).where(GroupMember.retailer_id == tenant_id)
    groups = select(Group.id).where(Group.id.in_(mine)).order_by(Group.id).limit(AT_ONCE).with_for_update()
    ids = session.scalars(groups).all()
    key = tuple_(GroupMember.group_id, GroupMember.retailer_id)
    members = delete(GroupMember).where(key.in_([(group_id, tenant_id) for group_id in ids]))
    left = session.scalars(
        members.returning(GroupMember.group_id), execution_options={"synchronize_session": False}
    ).all()
    fewer = {"retailer_count": Group.retailer_count - 1, "version": Group.version + 1, "updated_at": now}
    execute_counted(session, update(Group).where(Group.id.in_(left)).values(fewer))
    return len(ids) == AT_ONCE


def forget_name(session: Session, _data: TenantData, tenant_id: UUID, _now: datetime) -> bool:
    """Show the tenant as a former company from now on, whatever event comes late."""
    stored = session.get(TenantName, tenant_id)
    if stored is not None:
        names.upsert_tenant(session, tenant_id, name=FORMER_COMPANY, kind=stored.kind, sequence=MAX_SEQUENCE)
    return False
