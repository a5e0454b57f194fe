"""Orders to evaluate, what came of it, and units that come back."""

from typing import Any

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from chassis.schemas import Amount, CamelSchema, Instant, Stripped
from services.promotions.rules import evaluations as rules
from services.promotions.schemas import plain_orders
from services.promotions.schemas.common import Whole, uid

ID = validate.Length(1, 100)


class Quantity(Whole):
    """Whole units, at least 1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(1, rules.MAX_UNITS), **kwargs)


class OrderLineIn(CamelSchema):
    """``unitPrice`` left out is the catalogue's; ``priceLocked`` lines are confirmed already (S1-35)."""

    line_id = fields.String(required=True, validate=ID)
    product_uid = uid(required=True)
    quantity = Quantity(required=True)
    unit_price = Amount(load_default=None, allow_none=True)
    price_locked = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class Lines(fields.List):
    """Lines of an order that is not plain altogether."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(OrderLineIn()), required=True, validate=validate.Length(min=1))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        return plain_orders.read_lines(value) or super()._deserialize(value, attr, data, **kwargs)


class DryRunIn(CamelSchema):
    campaign_uid = uid(required=True)


class OrderIn(CamelSchema):
    """``at`` left out is now, ``currency`` the tenant's.

    A plain order is read at once, as there is one for every basket at every till: the fields would take it as well, and
    make the same of it. They read all others, of which only the lines may be plain.
    """

    store_uid = uid(required=True)
    at = Instant(load_default=None, allow_none=True)
    currency = fields.String(load_default=None, allow_none=True, validate=validate.Length(equal=3))
    lines = Lines()
    campaign_codes = fields.List(
        Stripped(validate=ID), load_default=list, validate=validate.Length(max=rules.MAX_CODES)
    )
    customer_group_uid = uid(load_default=None, allow_none=True)
    dry_run = fields.Nested(DryRunIn, load_default=None, allow_none=True)

    def load(self, data: Any, **kwargs: Any) -> Any:
        plain = None if kwargs else plain_orders.read_order(data)
        return plain or super().load(data, **kwargs)

    @pre_load
    def refuse_long_orders(self, data: Any, **_: Any) -> Any:
        """Before ten thousand lines are looked at one by one."""
        lines = data.get("lines") if isinstance(data, dict) else None
        if isinstance(lines, list) and len(lines) > rules.MAX_LINES:
            raise ValidationError(f"At most {rules.MAX_LINES} lines.", "lines")
        return data

    @validates_schema
    def refuse_odd_orders(self, data: dict[str, Any], **_: Any) -> None:
        seen: set[str] = set()
        for number, line in enumerate(data["lines"]):
            if line["line_id"] in seen:
                raise ValidationError("There is another line of this id.", f"lines.{number}.lineId")
            seen.add(line["line_id"])
        if sum(line["quantity"] for line in data["lines"]) > rules.MAX_UNITS:
            raise ValidationError(f"At most {rules.MAX_UNITS} units in an order.", "lines")


class UnitCampaignOut(CamelSchema):
    campaign_uid = fields.String(required=True)
    amount = fields.String(required=True)


class UnitOut(CamelSchema):
    discount = fields.String(required=True)
    campaigns = fields.List(fields.Nested(UnitCampaignOut), required=True)


class LineOut(CamelSchema):
    line_id = fields.String(required=True)
    product_uid = fields.String(required=True)
    quantity = fields.Integer(required=True)
    unit_price = fields.String(required=True)
    gross = fields.String(required=True)
    discount = fields.String(required=True)
    net = fields.String(required=True)
    units = fields.List(fields.Nested(UnitOut), required=True)


class TotalsOut(CamelSchema):
    gross = fields.String(required=True)
    discount = fields.String(required=True)
    net = fields.String(required=True)


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


class EvaluationOut(CamelSchema):
    """``evaluationId`` is null for a dry run, which is not kept."""

    evaluation_id = fields.UUID(required=True, allow_none=True)
    strategy = fields.String(required=True)
    at = Instant(required=True)
    currency = fields.String(required=True)
    lines = fields.List(fields.Nested(LineOut), required=True)
    totals = fields.Nested(TotalsOut, required=True)
    campaigns = fields.List(fields.Nested(OutcomeOut), required=True)


class ReturnLineIn(CamelSchema):
    """Which units come back: their numbers in the line from 0, or how many."""

    line_id = fields.String(required=True, validate=ID)
    quantity = Quantity()
    units = fields.List(
        Whole(validate=validate.Range(0, rules.MAX_UNITS)),
        validate=validate.Length(1, rules.MAX_UNITS),
    )

    @validates_schema
    def require_one(self, data: dict[str, Any], **_: Any) -> None:
        if ("quantity" in data) == ("units" in data):
            raise ValidationError("Either quantity or units.", "quantity")
        if len(set(data.get("units", ()))) != len(data.get("units", ())):
            raise ValidationError("Each unit once.", "units")


class ReturnIn(CamelSchema):
    """With ``preview`` nothing is kept."""

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
