"""Wire shapes of evaluations and returned units."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chassis.http.schemas import CamelSchema, Instant
from services.promotions.evaluations import rules
from services.promotions.evaluations.order_schemas import ID, Quantity, unit_numbers


class UnitCampaignOut(CamelSchema):
    campaign_uid = fields.String(required=True)
    amount = fields.String(required=True)


class UnitOut(CamelSchema):
    discount = fields.String(required=True)
    campaigns = fields.List(fields.Nested(UnitCampaignOut), required=True)


class ReturnOfOut(CamelSchema):
    evaluation_id = fields.UUID(required=True)
    line_id = fields.String(required=True)
    units = fields.List(fields.Integer(), required=True)


class LineOut(CamelSchema):
    """A returned line has a quantity and sums below 0, and what was taken off its units when they were bought (D69)."""

    line_id = fields.String(required=True)
    product_uid = fields.String(required=True)
    quantity = fields.Float(required=True)
    unit_price = fields.String(required=True)
    gross = fields.String(required=True)
    discount = fields.String(required=True)
    net = fields.String(required=True)
    units = fields.List(fields.Nested(UnitOut), required=True)
    return_of = fields.Nested(ReturnOfOut)


class TotalsOut(CamelSchema):
    """Of all lines. ``returned``, where units come back, is what they take back; then ``net`` may be below 0."""

    gross = fields.String(required=True)
    discount = fields.String(required=True)
    net = fields.String(required=True)
    returned = fields.String()


class MissingOut(CamelSchema):
    quantity = fields.Integer()
    amount = fields.String()


class BasisOut(CamelSchema):
    """What thresholds were compared with (D24)."""

    quantity_of = fields.String(required=True, validate=validate.OneOf(["qualifying_units", "all_units"]))
    quantity = fields.Integer(required=True)
    amount_of = fields.String(required=True)
    amount = fields.String(required=True)


class OutcomeOut(CamelSchema):
    campaign_uid = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["applied", "skipped"]))
    reason = fields.String(required=True)
    applications = fields.Integer(required=True)
    discount = fields.String(required=True)
    missing = fields.Nested(MissingOut)
    detail = fields.String()
    basis = fields.Nested(BasisOut, required=True)


class CodeOut(CamelSchema):
    """What became of a code (D67). ``unknown``: no campaign has it that is active, here or in other stores."""

    code = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["applied", "not_applicable", "unknown"]))
    campaign_uid = fields.String()
    reason = fields.String()


class OrderWarningOut(CamelSchema):
    """``price_rounded``: the catalogue's price is finer than the currency, and was rounded half up."""

    code = fields.String(required=True)
    line_id = fields.String(required=True)
    product_uid = fields.String(required=True)
    message = fields.String(required=True)


class EvaluationOut(CamelSchema):
    """``evaluationId`` is null for a dry run, which is not stored. ``warnings`` is only there where there are any."""

    evaluation_id = fields.UUID(required=True, allow_none=True)
    strategy = fields.String(required=True)
    at = Instant(required=True)
    currency = fields.String(required=True)
    lines = fields.List(fields.Nested(LineOut), required=True)
    totals = fields.Nested(TotalsOut, required=True)
    campaigns = fields.List(fields.Nested(OutcomeOut), required=True)
    codes = fields.List(fields.Nested(CodeOut), required=True)
    warnings = fields.List(fields.Nested(OrderWarningOut))


class ReturnLineIn(CamelSchema):
    """Which units come back: their numbers in the line from 0, or how many."""

    line_id = fields.String(required=True, validate=ID)
    quantity = Quantity()
    units = unit_numbers()

    @validates_schema
    def require_one(self, data: dict[str, Any], **_: Any) -> None:
        if ("quantity" in data) == ("units" in data):
            raise ValidationError("Either quantity or units.", "quantity")


class ReturnIn(CamelSchema):
    """With ``preview`` nothing is stored."""

    lines = fields.List(fields.Nested(ReturnLineIn), required=True, validate=validate.Length(1, rules.MAX_LINES))
    preview = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class ReturnedUnitOut(CamelSchema):
    line_id = fields.String(required=True)
    unit = fields.Integer(required=True)
    refund = fields.String(required=True)


class ReturnOut(CamelSchema):
    """``returnId`` is null for a preview."""

    return_id = fields.UUID(required=True, allow_none=True)
    currency = fields.String(required=True)
    units = fields.List(fields.Nested(ReturnedUnitOut), required=True)
    refund = fields.String(required=True)
