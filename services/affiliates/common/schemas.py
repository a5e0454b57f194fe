"""Fields that S2 writes in its own way: decimal strings, ISO 8601 times, a commission's two halves."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema
from marshmallow.utils import get_value

from chassis.core import money
from chassis.core.errors import Invalid
from chassis.http.schemas import Amount, CamelSchema, Instant, Stripped, several_lines, text
from services.affiliates.common.addresses import MAX_ADDRESS, stored_address
from services.affiliates.common.terms import HUNDRED, Kind

DECIMAL = re.compile(r"\d{1,9}(\.\d{1,4}0{0,11})?", re.ASCII)  # zeros at the end mean nothing (D9)
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
DOT_SEGMENTS = (".", "..")
COMMISSION_FIELDS = ("commission_type", "commission_value")


class IsoDateTime(Instant):
    """An ISO 8601 date-time; one without a zone is in UTC (S2-8)."""

    default_error_messages = {"invalid": "Not a valid ISO 8601 date-time, such as 2026-10-01T00:00:00Z."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not ISO_8601.fullmatch(value):
            raise self.make_error("invalid")
        try:
            moment = datetime.fromisoformat(value.upper())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error


class DecimalString(fields.String):
    """A decimal as text, kept as it was written: ``"12"`` or ``"250.00"`` (S2-8)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("validate", validate.Regexp(rf"\A(?:{DECIMAL.pattern})\Z", re.ASCII, error=_NO_DECIMAL))
        super().__init__(**kwargs)


_NO_DECIMAL = 'Must be a decimal string, such as "15" or "250.00".'


class Whole(fields.Integer):
    """A JSON number without a fraction; neither ``1.5`` nor ``true`` is one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return int(super()._deserialize(value, attr, data, **kwargs) or 0)


class TermsFields(CamelSchema):
    """A default commission; S2 calls its halves ``defaultCommissionType`` and ``defaultCommissionValue``."""

    commission_type = fields.String(
        data_key="default_commission_type", allow_none=True, validate=validate.OneOf(list(Kind))
    )
    commission_value = DecimalString(data_key="default_commission_value", allow_none=True)


class WithTerms(TermsFields):
    """A body that gives the commission in whole or not at all."""

    currency_of_terms = "commission_currency"

    @validates_schema
    def terms_fit(self, data: dict[str, Any], **_: Any) -> None:
        check_terms(
            data.get("commission_type"), data.get("commission_value"), currency=data.get(self.currency_of_terms)
        )


def check_terms(
    kind: str | None, value: str | None, name: str = "defaultCommission", *, currency: str | None = None
) -> None:
    """Type and value travel together (S2-14), a percentage is one, and a fixed amount is one in its currency (D9).

    Raises:
        ValidationError: names the field, which begins with ``name``.
    """
    if (kind is None) != (value is None):
        missing = "Type" if kind is None else "Value"
        raise ValidationError("Type and value go together.", f"{name}{missing}")
    if kind is None or value is None:
        return
    if kind == Kind.PERCENTAGE and Decimal(value) > HUNDRED:
        raise ValidationError("A percentage is at most 100.", f"{name}Value")
    if kind == Kind.FIXED and currency is not None:
        try:
            money.exact(Decimal(value), currency)
        except money.InexactAmount as error:
            raise ValidationError(str(error), f"{name}Value") from None


def require_terms(kind: str | None, value: str | None, currency: str | None) -> None:
    """:func:`check_terms` for what a schema cannot see whole.

    Raises:
        Invalid: names the field.
    """
    try:
        check_terms(kind, value, currency=currency)
    except ValidationError as error:
        raise Invalid.field(str(error.field_name), str(error.messages[0])) from None


class WebAddress(Stripped):
    """An absolute http or https address, taken over in its encoded form (``chassis.core.addresses``)."""

    default_error_messages = {"no_address": "Not a web address: http:// or https:// and a host."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"format": "uri", "maxLength": MAX_ADDRESS}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        address = stored_address(super()._deserialize(value, attr, data, **kwargs))
        if address is None:
            raise self.make_error("no_address")
        return address


class Money(Amount):
    """An amount, answered as a decimal string with its currency's decimals (``"2999.00"``), taken as that or a number.

    Args:
        of: what the currency of the same object is called. Without a currency there are at least two decimals.
    """

    def __init__(self, *, of: str = "currency", **kwargs: Any) -> None:
        self.of = of
        super().__init__(**kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else money.written(value, get_value(obj, self.of, None) or "")


def free_text(maximum: int) -> fields.String:
    """A text of any number of lines, which may be left out or empty."""
    return Stripped(allow_none=True, validate=[validate.Length(max=maximum), several_lines])


def identifier(maximum: int, **kwargs: Any) -> fields.String:
    """An id that others have given: one line that can be written as a segment of a path (D60)."""
    field = text(maximum, **kwargs)
    field.validators = [*field.validators, _is_addressable]
    return field


def _is_addressable(value: str) -> None:
    if not value.isprintable():
        raise ValidationError("Must be one line without control characters.")
    if value in DOT_SEGMENTS:
        raise ValidationError("Must not be . or .., which no path can name.")
