"""Responses of retailers to campaigns, for the supplier."""

from collections.abc import Sequence

from marshmallow import fields

from chassis.messaging.events import Received
from contracts.roles import Role
from services.notifier.topics.base import MOST_SHOWN, Cadence, Context, Notice, Topic, Trigger, grouped
from services.notifier.topics.partners import PartnersIn, names


class InviteRespondedIn(PartnersIn):
    campaign_id = fields.UUID(required=True)
    campaign_name = fields.String(required=True)
    response = fields.String(required=True)
    note = fields.String(load_default=None, allow_none=True)


def responded(event: Received) -> list[Notice]:
    response = event.data
    context = names(response) | {
        "campaign_id": str(response.campaign_id),
        "campaign_name": response.campaign_name,
        "response": response.response.lower(),
        "note": response.note or "",
    }
    return [Notice(event.id, response.supplier_id, context)]


def by_campaign(responses: Sequence[Context]) -> list[Context]:
    """Responses of each campaign, counted. Some are named, those with a note first."""
    return [_campaign(group) for group in grouped(responses, "campaign_id")]


def _campaign(responses: Sequence[Context]) -> Context:
    named = sorted(responses, key=lambda response: not response["note"])
    return {
        "campaign_id": responses[0]["campaign_id"],
        "campaign_name": responses[-1]["campaign_name"],
        "accepted": sum(response["response"] == "accepted" for response in responses),
        "declined": sum(response["response"] == "declined" for response in responses),
        "named": [
            {name: response[name] for name in ("retailer_name", "response", "note")} for response in named[:MOST_SHOWN]
        ],
        "more": max(0, len(named) - MOST_SHOWN),
    }


RESPONSE = Topic(
    name="response",
    description="answers to your campaigns",
    roles=(Role.SUPPLIER_ADMIN,),
    subject="{campaign_name}: {retailer_name} has {response}",
    cadence=Cadence.DAILY,  # one campaign brings thousands
    section=by_campaign,
    triggers=(Trigger("campaigns.InviteResponded.v1", InviteRespondedIn, responded),),
)
