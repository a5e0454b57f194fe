"""Wire shapes of limits on all orders together, and of reservations."""

from marshmallow import fields, validate

from chassis.http.schemas import Amount, CamelSchema, Instant, UpdateSchema
from services.promotions.common.schemas import Whole

LONGEST = 24 * 3600
MOST_USES = 1_000_000_000


class LimitsOut(CamelSchema):
    """Uses are orders. ``left`` is null where there is no limit."""

    campaign_uid = fields.String(required=True)
    total_uses = fields.Integer(required=True, allow_none=True)
    total_discount = fields.String(required=True, allow_none=True)
    committed_uses = fields.Integer(required=True)
    committed_discount = fields.String(required=True)
    reserved_uses = fields.Integer(required=True)
    reserved_discount = fields.String(required=True)
    left_uses = fields.Integer(required=True, allow_none=True)
    left_discount = fields.String(required=True, allow_none=True)


class LimitsIn(UpdateSchema):
    """What is left out stays as it is; null is no limit."""

    answer = LimitsOut

    total_uses = Whole(allow_none=True, validate=validate.Range(0, MOST_USES), attribute="total_uses_limit")
    total_discount = Amount(allow_none=True, attribute="total_discount_limit")


class ReservationIn(CamelSchema):
    """``seconds`` is how long it holds."""

    evaluation_id = fields.UUID(required=True)
    seconds = Whole(load_default=900, validate=validate.Range(1, LONGEST))


class ReservedCampaignOut(CamelSchema):
    campaign_uid = fields.String(required=True)
    discount = fields.String(required=True)


class ReservationOut(CamelSchema):
    order_id = fields.String(required=True)
    evaluation_id = fields.UUID(required=True)
    status = fields.String(required=True)
    expires_at = Instant(required=True)
    campaigns = fields.List(fields.Nested(ReservedCampaignOut), required=True)
