"""An affiliate in an event: the fields, and the notice that goes to the affiliate alone."""

from typing import Any

from marshmallow import fields

from chassis.http.schemas import CamelSchema
from chassis.messaging.events import Received
from services.notifier.topics.base import Affiliate, Notice


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
