"""Wire shapes of linked products, as S4 documents them."""

from typing import Any

from marshmallow import fields, validate

from chassis.http.schemas import Stripped
from services.promotions.carts.campaign_rules import LINKED_PRODUCTS_SORTS, QuantitySelector
from services.promotions.carts.campaign_schemas import CampaignProductSchema, customer_key, mode
from services.promotions.carts.list_schemas import FILLED, EntityIn, EntityOut, ListIn, Sort


def selector(**kwargs: Any) -> fields.String:
    """D53."""
    return fields.String(validate=validate.OneOf(list(QuantitySelector)), **kwargs)


class LinkedProductSchema(CampaignProductSchema):
    """The dependent product; without a selector never more of it than of the base product (S4-22)."""

    quantity_selector = selector(load_default=str(QuantitySelector.LESS_OR_EQUAL))


class LinkedProductsIn(EntityIn):
    """S4-20."""

    customer_id = customer_key(load_default=None, allow_none=True)
    marketing_campaign_id = fields.UUID(required=True, error_messages=FILLED)
    base_product = fields.Nested(CampaignProductSchema, required=True, error_messages=FILLED)
    linked_product = fields.Nested(LinkedProductSchema, required=True, error_messages=FILLED)


class LinkedProductsOut(EntityOut):
    base_product = fields.Nested(CampaignProductSchema, required=True)
    customer_id = fields.String(required=True, allow_none=True)
    linked_product = fields.Nested(LinkedProductSchema, required=True)
    marketing_campaign_id = fields.UUID(required=True)


class LinkedProductsListIn(ListIn):
    """S4-19."""

    sort = fields.List(Sort(LINKED_PRODUCTS_SORTS), load_default=[])
    customer_id = Stripped()
    marketing_campaign_id = fields.UUID()
    base_id = Stripped(data_key="baseProduct.id")
    base_match_mode = mode(data_key="baseProduct.matchMode")
    linked_id = Stripped(data_key="linkedProduct.id")
    quantity_selector = selector(data_key="linkedProduct.quantitySelector")
