"""Stores and customer groups on the wire."""

from marshmallow import fields

from chassis.schemas import CamelSchema, text
from services.promotions.schemas.common import NAME_LENGTH, SparseSchema, uid


class StoreChangeIn(CamelSchema):
    """What is left out stays as it is. ``pricelistUid`` is the store's own list of regular prices (S1-34)."""

    name = text(NAME_LENGTH, required=False)
    pricelist_uid = uid(allow_none=True)


class StoreIn(StoreChangeIn):
    store_uid = uid(required=True)
    name = text(NAME_LENGTH)


class StoreOut(SparseSchema):
    store_uid = fields.String(required=True)
    name = fields.String(required=True)
    pricelist_uid = fields.String()


class CustomerGroupChangeIn(CamelSchema):
    name = text(NAME_LENGTH)


class CustomerGroupIn(CustomerGroupChangeIn):
    customer_group_uid = uid(required=True)


class CustomerGroupOut(CamelSchema):
    customer_group_uid = fields.String(required=True)
    name = fields.String(required=True)
