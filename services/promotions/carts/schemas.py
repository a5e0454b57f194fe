"""Wire shapes of shoppers' carts."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.core import money
from chassis.http.schemas import CamelSchema, PublicSchema, Stripped, UpdateSchema
from services.promotions.carts.campaign_rules import Reason
from services.promotions.carts.rules import MAX_ITEMS, MAX_QUANTITY, Removed
from services.promotions.common.schemas import UID_LENGTH, SparseSchema


def price(**kwargs: Any) -> fields.Decimal:
    """Money in our own answers: a decimal string with the decimals that the amount has (D9)."""
    return fields.Decimal(as_string=True, required=True, metadata={"type": "string"}, **kwargs)


class Quantity(fields.Field[int]):
    """A whole number of units, as a number or a decimal string: ``2``, ``2.0`` and ``"2"`` are two."""

    default_error_messages = {"invalid": "Must be a whole number."}

    def __init__(self, minimum: int, **kwargs: Any) -> None:
        bounds = validate.Range(minimum, MAX_QUANTITY)
        super().__init__(metadata={"type": "integer"}, validate=bounds, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number = money.read(value.strip() if isinstance(value, str) else value)
        if number is None or number != int(number):
            raise self.make_error("invalid")
        return int(number)


class AddIn(PublicSchema):
    """A link into the checkout (S4-24); whatever else is in its query is not ours and is left alone (D64).

    ``product`` may stand there several times, with one ``quantity`` for all of them or one for each, by position.
    ``customerId`` says for which of the tenant's customers the campaign is looked up (S4-28).
    """

    mktop = Stripped(load_default=None)
    product = fields.List(
        Stripped(validate=validate.Length(1, UID_LENGTH)), required=True, validate=validate.Length(1, MAX_ITEMS)
    )
    quantity = fields.List(Quantity(1), load_default=[1], validate=validate.Length(1, MAX_ITEMS))
    cart = Stripped(load_default=None)
    customer_id = Stripped(load_default=None)

    @validates_schema
    def pair_up(self, data: dict[str, Any], **_: Any) -> None:
        if len(data["quantity"]) not in (1, len(data["product"])):
            raise ValidationError("Give one quantity for all products, or one for each.", "quantity")


class CartCampaignSeenOut(CamelSchema):
    """What became of the ``mktop`` that the cart was made with (D52)."""

    name = fields.String(required=True, allow_none=True)
    applied = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True, validate=validate.OneOf(list(Reason)))


class CartItemOut(SparseSchema):
    """``linkedTo`` is the product it goes with; where one is missing, that one (D54). ``removedBecause`` is there only
    where the quantity is 0, with a sentence in ``removedDetail``; what is no longer sold has no price."""

    product_id = fields.String(required=True)
    quantity = fields.Integer(required=True)
    unit_price = price(allow_none=True)
    list_price = price(allow_none=True)
    linked_to = fields.String(required=True, allow_none=True)
    removed_because = fields.String(validate=validate.OneOf(list(Removed)))
    removed_detail = fields.String()


class QuantityIn(UpdateSchema):
    """How much of a product is wanted; 0 takes it out. What else an item of a cart says may be sent back (D65)."""

    answer = CartItemOut

    quantity = Quantity(0, required=True)


class NoticeOut(CamelSchema):
    code = fields.String(required=True)
    message = fields.String(required=True)


class CartOut(SparseSchema):
    """A cart. ``warnings`` are there only where there are some: ``cart_closed``, ``unknown_base_product``."""

    id = fields.UUID(required=True)
    currency = fields.String(required=True)
    campaign = fields.Nested(CartCampaignSeenOut, required=True)
    items = fields.List(fields.Nested(CartItemOut), required=True)
    total = price()
    warnings = fields.List(fields.Nested(NoticeOut))
