"""Invites to campaigns, for the retailers invited (S0-27)."""

from marshmallow import fields

from chassis.core.clock import rfc3339
from chassis.http.schemas import CamelSchema, Instant
from chassis.messaging.events import Received
from contracts.roles import Role
from services.notifier.topics.base import Notice, Topic, Trigger


class InviteCreatedIn(CamelSchema):
    invite_id = fields.UUID(required=True)
    campaign_name = fields.String(required=True)
    participation_ask = fields.String(required=True)
    start_date = Instant(required=True)
    end_date = Instant(required=True)
    supplier_name = fields.String(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)


def created(event: Received) -> list[Notice]:
    invite = event.data
    context = {
        "invite_id": str(invite.invite_id),
        "campaign_name": invite.campaign_name,
        "participation_ask": invite.participation_ask,
        "supplier_name": invite.supplier_name,
        "retailer_name": invite.retailer_name,
        "start_date": rfc3339(invite.start_date),
        "end_date": rfc3339(invite.end_date),
    }
    return [Notice(event.id, invite.retailer_id, context)]


INVITE = Topic(
    name="invite",
    description="invites to campaigns",
    roles=(Role.RETAILER_ADMIN,),
    subject="{campaign_name}: {supplier_name} invites you",
    section=list,
    triggers=(Trigger("campaigns.InviteCreated.v1", InviteCreatedIn, created),),
)
