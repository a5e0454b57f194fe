"""Marshmallow as every service uses it: camelCase on the wire, unknown fields refused, exact times and amounts."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, pre_load, validate

from chassis.core import money
from chassis.core.clock import rfc3339
from chassis.core.emails import normal_address
from chassis.core.errors import Invalid
from chassis.core.text import camel, is_line, is_prose

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class CamelSchema(Schema):
    """Attributes in snake_case, the wire in camelCase."""

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field) -> None:
        field_obj.data_key = camel(field_obj.data_key or field_name)


class PublicSchema(CamelSchema):
    """The query of a public endpoint (D64): unknown parameters, such as ``utm_source``, are ignored.

    Links are in mails and on other sites, whose tools add parameters of their own. Endpoints of an
    API use :class:`CamelSchema`, which refuses what it does not know.
    """

    class Meta:
        unknown = EXCLUDE


class UpdateSchema(CamelSchema):
    """An update that takes back what its resource answers (D65).

    Fields of ``answer`` that the update does not have are read-only, and ignored when they stand there; what neither
    has is refused.
    """

    answer: ClassVar[type[Schema]]

    @pre_load
    def ignore_read_only(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        writable = {field.data_key for field in self.load_fields.values()}
        answered = {field.data_key for field in self.answer().dump_fields.values()}
        return {name: value for name, value in data.items() if name in writable or name not in answered}


class Instant(fields.Field[datetime]):
    """An RFC 3339 time with its zone; answered in UTC with ``Z``."""

    default_error_messages = {"invalid": "Not a valid time: RFC 3339 with a zone, such as 2026-04-01T00:00:00Z."}

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not RFC3339.fullmatch(value):
            raise self.make_error("invalid")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error


class Amount(fields.Decimal):
    """An amount of money ≥ 0 (see ``chassis.core.money``); a JSON number on the wire, ``Decimal`` inside.

    How many decimals it may have depends on its currency, which is checked where that is known: :func:`in_currency`.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("validate", [validate.Range(min=Decimal(0), max=money.MAX_AMOUNT)])
        super().__init__(allow_nan=False, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        amount = money.read(value)
        if amount is None:
            raise self.make_error("invalid", input=value)
        return amount


def in_currency(amount: Decimal, currency: str, field: str) -> Decimal:
    """The amount with the decimals of its currency (D9).

    Raises:
        Invalid: it has more; ``field`` is named.
    """
    try:
        return money.exact(amount, currency)
    except money.InexactAmount as error:
        raise Invalid.field(field, str(error)) from None


def currency(**kwargs: Any) -> fields.String:
    """A currency of ISO 4217 in its three capital letters."""
    return fields.String(validate=_is_currency, metadata={"pattern": "^[A-Z]{3}$"}, **kwargs)


def _is_currency(code: str) -> None:
    if not money.is_currency(code):
        raise ValidationError("Must be a currency of ISO 4217 in three capital letters, such as SEK.")


def text(maximum: int, *, required: bool = True, **kwargs: Any) -> fields.String:
    """A name: one line that is not blank, up to ``maximum`` characters, without the spaces around it (D62)."""
    return Stripped(required=required, validate=validate.And(_length(maximum), visible, one_line), **kwargs)


def prose(maximum: int, *, required: bool = True, **kwargs: Any) -> fields.String:
    """A text that may have several lines; otherwise as :func:`text`."""
    return Stripped(required=required, validate=validate.And(_length(maximum), visible, several_lines), **kwargs)


def _length(maximum: int) -> validate.Length:
    return validate.Length(min=1, max=maximum, error="Must be between {min} and {max} characters long and not blank.")


def visible(value: str) -> None:
    """Validates that a text is visible: zero-width characters alone are blank."""
    if not any(character.isprintable() for character in value):
        raise ValidationError("Must not be blank.")


def one_line(value: str) -> None:
    """Validates a text that is shown in one line."""
    if not is_line(value):
        raise ValidationError("Must be one line without control characters or direction overrides.")


def several_lines(value: str) -> None:
    """Validates a text that may have several lines."""
    if not is_prose(value):
        raise ValidationError("Must not have control characters or direction overrides.")


class Stripped(fields.String):
    """A string without the white space around it, so that blank is empty (S0-18)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip()


class Address(Stripped):
    """A field for an e-mail address, taken over as :func:`normal_address` writes it."""

    default_error_messages = {"no_address": "Not an e-mail address that mail servers everywhere take."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"format": "email", "maxLength": 254}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        address = normal_address(super()._deserialize(value, attr, data, **kwargs))
        if address is None:
            raise self.make_error("no_address")
        return address


class StrictBoolean(fields.Boolean):
    """JSON's own ``true`` or ``false``, and no word or number that could be meant so."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value
