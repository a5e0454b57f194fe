"""A tenant's settings on the wire."""

from marshmallow import fields, validate

from chassis.schemas import CamelSchema
from services.promotions.engine import Strategy
from services.promotions.schemas.common import SparseSchema, time_zone, uid


class SettingsIn(CamelSchema):
    """What is left out stays as it is. ``pricelistUid`` is the chain's list of regular prices (S1-34)."""

    time_zone = fields.String(validate=time_zone)
    currency = fields.String(
        validate=validate.Regexp(r"^[A-Z]{3}\Z", error="Must be the three letters of a currency, such as SEK.")
    )
    strategy = fields.String(validate=validate.OneOf(list(Strategy)))
    pricelist_uid = uid(allow_none=True)


class SettingsOut(SparseSchema):
    time_zone = fields.String(required=True)
    currency = fields.String(required=True)
    strategy = fields.String(required=True, validate=validate.OneOf(list(Strategy)))
    pricelist_uid = fields.String()
