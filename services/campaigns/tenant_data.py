"""What campaigns holds of tenants. What a retailer has answered stays for the other side as long as that is a
customer."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select

from chassis.messaging.events import MAX_SEQUENCE
from privacy.endings import EndingRow, has_ended
from privacy.tenant_data import FORMER_COMPANY, TenantData, change_where, delete_where
from services.campaigns import tenant_actions
from services.campaigns.models import CAMPAIGNS, Campaign, Invite, TenantName
from services.campaigns.rules import InviteStatus


def _unanswered(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(Invite.supplier_id == tenant_id, Invite.status == InviteStatus.PENDING)


def _both_ended(tenant_id: UUID) -> ColumnElement[bool]:
    as_retailer = and_(Invite.retailer_id == tenant_id, has_ended(Invite.supplier_id))
    return or_(as_retailer, and_(Invite.supplier_id == tenant_id, has_ended(Invite.retailer_id)))


def _without_invites(_tenant_id: UUID) -> ColumnElement[bool]:
    """Also of suppliers that ended earlier, whose campaigns stayed for this tenant alone."""
    ended = Campaign.supplier_id.in_(select(EndingRow.tenant_id))
    return and_(ended, ~exists().where(Invite.campaign_id == Campaign.id))


def _named(tenant_id: UUID) -> ColumnElement[bool]:
    named = or_(Campaign.supplier_name != FORMER_COMPANY, Campaign.targeting_criteria.is_not(None))
    return and_(Campaign.supplier_id == tenant_id, named)


def _renamed(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(TenantName.tenant_id == tenant_id, TenantName.name != FORMER_COMPANY)


TENANT_DATA = (
    TenantData(
        Invite,
        "Invites to its campaigns, or to campaigns of others.",
        steps=(
            delete_where(_unanswered),
            delete_where(_both_ended),
            tenant_actions.withdraw_pending,
            tenant_actions.forget_retailer,
        ),
        remains="invites that were answered, as long as the other company is a customer",
    ),
    TenantData(
        Campaign,
        "Its campaigns.",
        steps=(
            delete_where(_without_invites),
            change_where(
                _named,
                supplier_name=FORMER_COMPANY,
                targeting_criteria=None,
                version=CAMPAIGNS.c.version + 1,
            ),
        ),
        remains="campaigns that a retailer has answered, as long as that is a customer",
    ),
    TenantData(
        TenantName,
        "Its name here.",
        rows=lambda tenant_id: TenantName.tenant_id == tenant_id,
        steps=(change_where(_renamed, name=FORMER_COMPANY, sequence=MAX_SEQUENCE, renames=TenantName.renames + 1),),
        remains='"former company", so that no late event shows the old name again',
    ),
)
