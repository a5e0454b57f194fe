"""What partner management holds of tenants. What two companies share stays for the other one as long as that is a
customer."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from privacy.endings import has_ended
from privacy.tenant_data import TenantData, delete_own, delete_where
from services.prm.actions import endings
from services.prm.models import Assignment, Group, GroupMember, Programme, Relationship, TenantName, Tier


def _both_ended(tenant_id: UUID) -> ColumnElement[bool]:
    own, other = Relationship.supplier_id, Relationship.retailer_id
    return or_(and_(own == tenant_id, has_ended(other)), and_(other == tenant_id, has_ended(own)))


def _in_no_relationship(tenant_id: UUID) -> ColumnElement[bool]:
    pairs = select(Relationship.id)
    pairs = pairs.where(or_(Relationship.supplier_id == tenant_id, Relationship.retailer_id == tenant_id))
    return and_(TenantName.id == tenant_id, ~pairs.exists())


TENANT_DATA = (
    TenantData(
        Relationship,
        "Relationships with other companies.",
        steps=(endings.end_relationships, delete_where(_both_ended)),
        remains="that two companies worked together, as long as the other one is a customer",
    ),
    TenantData(GroupMember, "Who is in its groups.", steps=(delete_own, endings.leave_groups)),
    TenantData(Group, "Groups of retailers."),
    TenantData(Assignment, "Who holds which tier: of its own tiers, or it itself of others'."),
    TenantData(Tier, "Tiers and their benefits."),
    TenantData(
        Programme,
        "That it has a programme of tiers.",
        rows=lambda tenant_id: Programme.supplier_id == tenant_id,
    ),
    TenantData(
        TenantName,
        "Its name here.",
        rows=lambda tenant_id: TenantName.id == tenant_id,
        steps=(delete_where(_in_no_relationship), endings.forget_name),
        remains='"former company", where a relationship refers to it',
    ),
)
