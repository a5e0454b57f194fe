"""Tiers that a supplier gives to a retailer or takes away, for the retailer."""

from marshmallow import fields

from chassis.messaging.events import Received
from contracts.roles import Role
from services.notifier.topics.base import Notice, Topic, Trigger
from services.notifier.topics.partners import PartnersIn, names


class TierUnassignedIn(PartnersIn):
    tier_name = fields.String(required=True)


class TierAssignedIn(TierUnassignedIn):
    previous_tier_name = fields.String(load_default=None, allow_none=True)


def assigned(event: Received) -> list[Notice]:
    tier = event.data
    previous = f" It was {tier.previous_tier_name} until now." if tier.previous_tier_name else ""
    context = names(tier) | {
        "headline": f"{tier.supplier_name} has made you a {tier.tier_name} partner",
        "tier_name": tier.tier_name,
        "detail": f"Your tier with {tier.supplier_name} is {tier.tier_name} now.{previous}",
    }
    return [Notice(event.id, tier.retailer_id, context)]


def unassigned(event: Received) -> list[Notice]:
    tier = event.data
    context = names(tier) | {
        "headline": f"Your {tier.tier_name} tier with {tier.supplier_name} has ended",
        "tier_name": tier.tier_name,
        "detail": f"{tier.supplier_name} has taken {tier.retailer_name} off its tier {tier.tier_name}.",
    }
    return [Notice(event.id, tier.retailer_id, context)]


TIER = Topic(
    name="tier",
    description="your tiers",
    roles=(Role.RETAILER_ADMIN,),
    subject="{headline}",
    section=list,
    triggers=(
        Trigger("prm.TierAssigned.v1", TierAssignedIn, assigned),
        Trigger("prm.TierUnassigned.v1", TierUnassignedIn, unassigned),
    ),
)
