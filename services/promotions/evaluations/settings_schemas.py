"""Wire shapes of a tenant's settings."""

from marshmallow import fields, validate

from chassis.http.schemas import UpdateSchema, currency
from services.promotions.common.schemas import SparseSchema, time_zone, uid
from services.promotions.engine import Strategy


class SettingsOut(SparseSchema):
    time_zone = fields.String(required=True)
    currency = fields.String(required=True)
    strategy = fields.String(required=True, validate=validate.OneOf(list(Strategy)))
    pricelist_uid = fields.String()


class SettingsIn(UpdateSchema):
    """What is left out stays as it is. ``pricelistUid`` is the chain's list of regular prices (S1-34)."""

    answer = SettingsOut

    time_zone = fields.String(validate=time_zone)
    currency = currency()
    strategy = fields.String(validate=validate.OneOf(list(Strategy)))
    pricelist_uid = uid(allow_none=True)
