"""Commission that an affiliate has earned or lost again, for the affiliate."""

from decimal import Decimal

from marshmallow import fields

from chassis.messaging.events import Received
from services.notifier.topics.affiliations import AffiliateIn, notice
from services.notifier.topics.base import Cadence, Notice, Topic, Trigger


class _CommissionIn(AffiliateIn):
    external_order_id = fields.String(required=True)
    campaign_title = fields.String(required=True)
    currency = fields.String(required=True)
    order_status = fields.String(required=True)


class ConversionCreditedIn(_CommissionIn):
    commission = fields.String(required=True)


class CommissionReversedIn(_CommissionIn):
    reversed = fields.String(required=True)
    remaining = fields.String(required=True)


def credited(event: Received) -> list[Notice]:
    """No mail about zero commission, such as for a fixed amount in another currency."""
    conversion = event.data
    if not Decimal(conversion.commission):
        return []
    headline = f"You have earned {conversion.commission} {conversion.currency} with {conversion.merchant_name}"
    return [_notice(event, headline, remaining="")]


def reversed_(event: Received) -> list[Notice]:
    reversal = event.data
    amount = f"{reversal.reversed} {reversal.currency}"
    headline = f"{reversal.merchant_name} has taken back {amount} of your commission"
    return [_notice(event, headline, remaining=f"{reversal.remaining} {reversal.currency}")]


def _notice(event: Received, headline: str, *, remaining: str) -> Notice:
    context = {
        "headline": headline,
        "campaign_title": event.data.campaign_title,
        "order": event.data.external_order_id,
        "order_status": event.data.order_status,
        "remaining": remaining,
    }
    return notice(event, context)


COMMISSION = Topic(
    name="commission",
    description="commission",
    roles=(),
    subject="{headline}",
    cadence=Cadence.DAILY,  # every order brings one
    section=list,
    triggers=(
        Trigger("affiliates.ConversionCredited.v1", ConversionCreditedIn, credited),
        Trigger("affiliates.CommissionReversed.v1", CommissionReversedIn, reversed_),
    ),
)
