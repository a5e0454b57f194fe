"""Conversions on the wire (S2-25, S2-27)."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from chassis.core.money import MAX_AMOUNT
from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant, Stripped, currency, in_currency
from services.affiliates.commissions.ledger_rules import OrderStatus
from services.affiliates.common.schemas import IsoDateTime, Money, Whole, identifier
from services.affiliates.conversions.refund_rules import RefundItem, StatusReport
from services.affiliates.conversions.rules import ConversionStatus

MAX_LINES = 500
MAX_PIECES = 1_000_000
REFUNDABLE = [
    validate.Range(max=MAX_AMOUNT),
    validate.Range(min=0, min_inclusive=False, error="Must be more than nothing."),
]


class Pieces(Whole):
    """A whole number of pieces; ``2.0`` is one as well, as some shops write it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        return super()._deserialize(whole, attr, data, **kwargs)


class OrderLineIn(CamelSchema):
    """``amount`` is the line's, whatever its quantity."""

    external_id = identifier(200)
    quantity = Pieces(load_default=1, validate=validate.Range(1, MAX_PIECES))
    amount = Money(required=True)


class ConversionIn(CamelSchema):
    """An order. ``visitor`` is the value of the visitor's cookie, where the shop can see it; ``customerEmail`` is
    compared with the affiliate's and not stored."""

    external_order_id = identifier(200)
    order_amount = Money(required=True)
    currency = currency(required=True)
    click_id = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=200))
    visitor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=200))
    occurred_at = IsoDateTime(load_default=None, allow_none=True)
    items = fields.List(fields.Nested(OrderLineIn), load_default=list, validate=validate.Length(max=MAX_LINES))
    customer_email = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=254))

    @validates_schema
    def lines_fit(self, data: dict[str, Any], **_: Any) -> None:
        if sum((item["amount"] for item in data["items"]), Decimal(0)) > data["order_amount"]:
            raise ValidationError("The items come to more than orderAmount.", "items")

    @post_load
    def amounts_fit(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """D9: no amount has more decimals than the currency."""
        code = data["currency"]
        data["order_amount"] = in_currency(data["order_amount"], code, "orderAmount")
        for number, item in enumerate(data["items"]):
            item["amount"] = in_currency(item["amount"], code, f"items.{number}.amount")
        return data


class ConversionsIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(ConversionStatus)))
    order_status = fields.String(validate=validate.OneOf(list(OrderStatus)))
    external_order_id = Stripped(validate=validate.Length(max=200))
    affiliate_id = fields.UUID()
    campaign_id = fields.UUID()


class ConversionAcceptedOut(CamelSchema):
    """Response to reporting an order, the first time and again (S2-25)."""

    external_order_id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["ACCEPTED", "DUPLICATE"]))


class RefundItemIn(CamelSchema):
    """A product of the order: a number of pieces, an amount, or all that is left of it."""

    external_id = identifier(200)
    quantity = Pieces(load_default=None, allow_none=True, validate=validate.Range(1, MAX_PIECES))
    amount = Money(load_default=None, allow_none=True, validate=REFUNDABLE)

    @post_load
    def refund_item(self, data: dict[str, Any], **_: Any) -> RefundItem:
        return RefundItem(**data)


class OrderStatusIn(CamelSchema):
    """S2-27. ``refundAmount`` is what is refunded now, ``items`` what of it is refunded of single lines; either may
    stand alone. With a ``refundId`` the same refund counts once."""

    status = fields.String(required=True, validate=validate.OneOf(list(OrderStatus)))
    refund_amount = Money(load_default=None, allow_none=True, validate=REFUNDABLE)
    items = fields.List(
        fields.Nested(RefundItemIn), load_default=None, allow_none=True, validate=validate.Length(1, MAX_LINES)
    )
    refund_id = identifier(200, required=False, load_default=None, allow_none=True)

    @post_load
    def status_report(self, data: dict[str, Any], **_: Any) -> StatusReport:
        status, items = OrderStatus(data["status"]), data["items"] or ()
        return StatusReport(status, data["refund_amount"], items, data["refund_id"])


class FlagOut(CamelSchema):
    code = fields.String(required=True)
    reason = fields.String(required=True)


class OrderLineOut(CamelSchema):
    """``takenBack`` is what refunds have taken back of ``commission``; ``refundedAmount`` and ``refundedQuantity`` are
    what was refunded of the line by name."""

    external_id = fields.String(required=True)
    quantity = fields.Integer(required=True)
    amount = Money(required=True)
    commission = Money(required=True, allow_none=True)
    commission_level = fields.String(required=True, allow_none=True, attribute="level")
    refunded_quantity = fields.Integer(required=True)
    refunded_amount = Money(required=True, attribute="refunded")
    taken_back = Money(required=True)


class ConversionOut(CamelSchema):
    """A conversion that explains itself. ``commission`` is what is left of ``commissionCredited`` after refunds."""

    external_order_id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(ConversionStatus)))
    order_status = fields.String(required=True, validate=validate.OneOf(list(OrderStatus)))
    order_amount = Money(required=True)
    refunded_amount = Money(required=True, attribute="refunded")
    currency = fields.String(required=True)
    occurred_at = Instant(required=True)
    affiliate_id = fields.UUID(required=True, allow_none=True)
    campaign_id = fields.UUID(required=True, allow_none=True)
    commission = Money(required=True, allow_none=True)
    commission_credited = Money(required=True, allow_none=True)
    commission_level = fields.String(required=True, allow_none=True)
    commission_state = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    explanation = fields.String(required=True, allow_none=True)
    click_id = fields.UUID(required=True, allow_none=True)
    clicked_at = Instant(required=True, allow_none=True)
    window_days = fields.Integer(required=True, allow_none=True)
    window_ends_at = Instant(required=True, allow_none=True)
    items = fields.List(fields.Nested(OrderLineOut), required=True)
    flags = fields.List(fields.Nested(FlagOut), required=True)
