"""Wire shapes of orders to evaluate."""

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


def unit_numbers() -> fields.List:
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
    units = unit_numbers()


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
