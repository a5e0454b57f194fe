"""The standing of an affiliate with a merchant, for the affiliate; and the notice of every event about affiliates."""

from typing import Any

from marshmallow import fields

from chassis.http.schemas import CamelSchema
from chassis.messaging.events import Received
from services.notifier.topics.base import Affiliate, Notice, Topic, Trigger


class AffiliateIn(CamelSchema):
    """Of every event about an affiliate."""

    affiliate_id = fields.UUID(required=True)
    affiliate_name = fields.String(required=True)
    affiliate_email = fields.String(required=True)
    merchant_id = fields.UUID(required=True)
    merchant_name = fields.String(required=True)


def notice(event: Received, context: dict[str, Any]) -> Notice:
    data = event.data
    affiliate = Affiliate(data.affiliate_id, data.affiliate_email, data.affiliate_name)
    return Notice(event.id, data.merchant_id, context | {"merchant_name": data.merchant_name}, affiliate)


def approved(event: Received) -> list[Notice]:
    merchant = event.data.merchant_name
    context = {
        "headline": f"{merchant} has approved you as an affiliate",
        "detail": f"Links that {merchant} makes for you earn commission from now on.",
    }
    return [notice(event, context)]


def suspended(event: Received) -> list[Notice]:
    merchant = event.data.merchant_name
    context = {
        "headline": f"{merchant} has suspended you as an affiliate",
        "detail": f"Your links no longer earn commission. Ask {merchant} if you do not know why.",
    }
    return [notice(event, context)]


AFFILIATION = Topic(
    name="affiliation",
    description="your standing as an affiliate",
    roles=(),
    subject="{headline}",
    triggers=(
        Trigger("affiliates.AffiliateApproved.v1", AffiliateIn, approved),
        Trigger("affiliates.AffiliateSuspended.v1", AffiliateIn, suspended),
    ),
)
