"""Wire shapes of cart campaigns, as S4 documents them."""

from typing import Any

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema, Stripped, one_line, several_lines
from services.promotions.carts.campaign_rules import CAMPAIGN_SORTS, MatchMode, Status
from services.promotions.carts.list_schemas import (
    FILLED,
    EntityIn,
    EntityOut,
    ListIn,
    Millis,
    SignedMillis,
    Sort,
    filled,
)
from services.promotions.common.schemas import uid

NAME, CUSTOMER, DESCRIPTION, PRODUCTS = 200, 200, 2000, 1000


def customer_key(**kwargs: Any) -> fields.String:
    """A key of the tenant's own: a shop or a customer, without the spaces around it. It only stands in bodies and
    queries."""
    return Stripped(validate=[validate.Length(1, CUSTOMER), one_line], **kwargs)


def mode(**kwargs: Any) -> fields.String:
    """D53."""
    return fields.String(validate=validate.OneOf(list(MatchMode)), **kwargs)


class CampaignProductSchema(CamelSchema):
    """A product or variant, and whether its id stands for the whole product (S4-23). Without a mode a product's id
    does, and a variant's does not (D68)."""

    id = uid(required=True, error_messages=FILLED)
    match_mode = mode(load_default=None)


def product_list(**kwargs: Any) -> fields.List:
    return fields.List(fields.Nested(CampaignProductSchema), validate=validate.Length(max=PRODUCTS), **kwargs)


class CartCampaignIn(EntityIn):
    """S4-6. ``pricelistUid``, of our own, names the list of the campaign's prices (S4-27); an update that leaves it
    out, as one by the document does, leaves it as it is."""

    name = filled(NAME)
    customer_id = customer_key(load_default=None, allow_none=True)
    description = fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(max=DESCRIPTION), several_lines]
    )
    status = fields.String(required=True, error_messages=FILLED, validate=validate.OneOf(list(Status)))
    start_date = Millis(required=True, error_messages=FILLED)
    end_date = Millis(load_default=None, allow_none=True)
    products = product_list(load_default=None, allow_none=True)
    mandatory_products = product_list(load_default=None, allow_none=True)
    pricelist_uid = uid(allow_none=True)


class CartCampaignOut(EntityOut):
    """``pricelistUid`` is there only where one is set."""

    customer_id = fields.String(required=True, allow_none=True)
    description = fields.String(required=True, allow_none=True)
    end_date = Millis(required=True, allow_none=True)
    mandatory_products = fields.List(fields.Nested(CampaignProductSchema), required=True)
    name = fields.String(required=True)
    products = fields.List(fields.Nested(CampaignProductSchema), required=True)
    start_date = Millis(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Status)))
    pricelist_uid = fields.String()


class CartCampaignsIn(ListIn):
    """S4-3."""

    sort = fields.List(Sort(CAMPAIGN_SORTS), load_default=[])
    customer_id = Stripped()
    name = Stripped()
    status = fields.String(validate=validate.OneOf(list(Status)))
    start_date = SignedMillis()
    end_date = SignedMillis()
    product_id = Stripped(data_key="products.id")
    product_match_mode = mode(data_key="products.matchMode")
