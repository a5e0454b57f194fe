"""Stores and customer groups on the wire."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema, UpdateSchema, text
from services.promotions.common.schemas import NAME_LENGTH, SparseSchema, uid


class StoreOut(SparseSchema):
    store_uid = fields.String(required=True)
    name = fields.String(required=True)
    pricelist_uid = fields.String()


class StoreChangeIn(UpdateSchema):
    """What is left out stays as it is. ``pricelistUid`` is the store's own list of regular prices (S1-34)."""

    answer = StoreOut

    name = text(NAME_LENGTH, required=False)
    pricelist_uid = uid(allow_none=True)


class StoreIn(CamelSchema):
    store_uid = uid(required=True)
    name = text(NAME_LENGTH)
    pricelist_uid = uid(allow_none=True)


class CustomerGroupOut(CamelSchema):
    customer_group_uid = fields.String(required=True)
    name = fields.String(required=True)


class CustomerGroupChangeIn(UpdateSchema):
    answer = CustomerGroupOut

    name = text(NAME_LENGTH)


class CustomerGroupIn(CamelSchema):
    customer_group_uid = uid(required=True)
    name = text(NAME_LENGTH)
