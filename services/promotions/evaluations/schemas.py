"""Wire shapes of evaluations and returned units."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, pre_load, validate, validates_schema

from chassis.core.text import is_line
from chassis.http.schemas import Amount, CamelSchema, Instant, Stripped, currency
from services.promotions import engine
from services.promotions.common.schemas import Whole, uid
from services.promotions.engine import quantities
from services.promotions.evaluations import fast_path, rules


def _one_line(value: str) -> None:
    if not is_line(value):
        raise ValidationError("Must be one line without control characters or direction overrides.")


ID = validate.And(validate.Length(1, 100), _one_line)


class Quantity(fields.Field[engine.Quantity]):
    """Units, or goods by weight with up to three decimals: a number or a decimal string (D69)."""

    default_error_messages = {"invalid": "Not a valid quantity: a number, or a decimal string such as 0.335."}

    def __init__(self, *, returned: bool = False, **kwargs: Any) -> None:
        self.returned = returned
        super().__init__(metadata={"type": ["number", "string"]}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> engine.Quantity:
        try:
            quantity = quantities.read(value)
        except quantities.InexactQuantity as error:
            raise ValidationError(str(error)) from error
        if quantity is None:
            raise self.make_error("invalid")
        size: engine.Quantity = -quantity if self.returned and quantity < 0 else quantity
        if not 0 < size <= rules.MAX_UNITS:
            raise ValidationError(f"Must be above 0 and at most {rules.MAX_UNITS}.")
        return quantity


def _units() -> fields.List:
    return fields.List(
        Whole(validate=validate.Range(0, rules.MAX_UNITS)), validate=[validate.Length(1, rules.MAX_UNITS), _each_once]
    )


def _each_once(units: list[int]) -> None:
    if len(set(units)) < len(units):
        raise ValidationError("Each unit once.")


class ReturnOfIn(CamelSchema):
    """The line of an earlier evaluation that units come back from; ``units`` are their numbers in it, where that is
    known."""

    evaluation_id = fields.UUID(required=True)
    line_id = fields.String(required=True, validate=ID)
    units = _units()


class OrderLineIn(CamelSchema):
    """``unitPrice`` left out is the catalogue's; ``priceLocked`` lines are confirmed already (S1-35).

    A line with a quantity below 0 is of returned units, and says in ``returnOf`` where they were bought (D69). What
    they cost is what was paid for them, whatever its ``unitPrice`` says.
    """

    line_id = fields.String(required=True, validate=ID)
    product_uid = uid(required=True)
    quantity = Quantity(required=True, returned=True)
    unit_price = Amount(load_default=None, allow_none=True)
    price_locked = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    return_of = fields.Nested(ReturnOfIn, load_default=None, allow_none=True)

    @validates_schema
    def refuse_odd_returns(self, data: dict[str, Any], **_: Any) -> None:
        quantity, origin = data["quantity"], data["return_of"]
        if quantity < 0 and origin is None:
            raise ValidationError("Below 0 only with returnOf, the line that it comes back from.", "quantity")
        if origin is None:
            return
        if quantity > 0:
            raise ValidationError("What comes back has a quantity below 0.", "quantity")
        if "units" in origin and len(origin["units"]) != rules.units_of(quantity):
            raise ValidationError("Not as many units as the quantity says.", "returnOf.units")


class Lines(fields.List):
    """Lines of an order that the fast path did not read as a whole; it may still read the lines."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(OrderLineIn()), required=True, validate=validate.Length(min=1))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        return fast_path.read_lines(value) or super()._deserialize(value, attr, data, **kwargs)


class Codes(fields.List):
    """Codes as a customer gave them; what is blank or null is none (D67)."""

    def __init__(self) -> None:
        super().__init__(
            Stripped(allow_none=True, validate=validate.Length(max=100)),
            load_default=list,
            allow_none=True,
            validate=validate.Length(max=rules.MAX_CODES),
        )


class DryRunIn(CamelSchema):
    campaign_uid = uid(required=True)


class OrderIn(CamelSchema):
    """``at`` left out is now, ``currency`` the tenant's.

    An order of the usual form takes the fast path, because every basket at every till sends one. The fields read all
    others, to the same result.
    """

    store_uid = uid(required=True)
    at = Instant(load_default=None, allow_none=True)
    currency = currency(load_default=None, allow_none=True)
    lines = Lines()
    campaign_codes = Codes()
    customer_group_uid = uid(load_default=None, allow_none=True)
    dry_run = fields.Nested(DryRunIn, load_default=None, allow_none=True)

    def load(self, data: Any, **kwargs: Any) -> Any:
        order = None if kwargs else fast_path.read_order(data)
        return order or super().load(data, **kwargs)

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
        if sum(rules.units_of(line["quantity"]) for line in data["lines"]) > rules.MAX_UNITS:
            raise ValidationError(f"At most {rules.MAX_UNITS} units in an order.", "lines")

    @post_load
    def leave_out_blank_codes(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["campaign_codes"] = [code for code in data["campaign_codes"] or () if code]
        return data


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
    """``evaluationId`` is null for a dry run, which is not kept. ``warnings`` is only there where there are any."""

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
    units = _units()

    @validates_schema
    def require_one(self, data: dict[str, Any], **_: Any) -> None:
        if ("quantity" in data) == ("units" in data):
            raise ValidationError("Either quantity or units.", "quantity")


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
