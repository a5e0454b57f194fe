"""Shoppers' carts on the wire."""

from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, fields, validate

from chassis.schemas import CamelSchema
from services.promotions.rules.cart_campaigns import Reason
from services.promotions.rules.carts import MAX_QUANTITY, Removed
from services.promotions.schemas.common import UID_LENGTH


class Price(fields.Field[Decimal]):
    """Money in answers of our own: a decimal string with two places."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string"}, **kwargs)

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else format(value, ".2f")


class AddIn(CamelSchema):
    """A link into the checkout. It stands in mails and on other people's pages, so whatever else is in its query is
    not ours and is left alone.

    ``customerId`` says for which of the tenant's customers the campaign is looked up (S4-28).
    """

    class Meta:
        unknown = EXCLUDE

    mktop = fields.String(load_default=None)
    product = fields.String(required=True, validate=validate.Length(1, UID_LENGTH))
    quantity = fields.Integer(load_default=1, validate=validate.Range(1, MAX_QUANTITY))
    cart = fields.UUID(load_default=None)
    customer_id = fields.String(load_default=None)


class QuantityIn(CamelSchema):
    """How much of a product is wanted; 0 takes it out."""

    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(0, MAX_QUANTITY))


class CartCampaignSeenOut(CamelSchema):
    """What became of the ``mktop`` that the cart was made with (D52)."""

    name = fields.String(required=True, allow_none=True)
    applied = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True, validate=validate.OneOf(list(Reason)))


class CartItemOut(CamelSchema):
    """``linkedTo`` is the product it goes with. ``removedBecause`` is there only where the quantity is 0; what is no
    longer sold has no price."""

    product_id = fields.String(required=True)
    quantity = fields.Integer(required=True)
    unit_price = Price(required=True, allow_none=True)
    list_price = Price(required=True, allow_none=True)
    linked_to = fields.String(required=True, allow_none=True)
    removed_because = fields.String(validate=validate.OneOf(list(Removed)))

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        value = super().get_attribute(obj, attr, default)
        return default if attr == "removed_because" and value is None else value


class CartOut(CamelSchema):
    id = fields.UUID(required=True)
    campaign = fields.Nested(CartCampaignSeenOut, required=True)
    items = fields.List(fields.Nested(CartItemOut), required=True)
    total = Price(required=True)
