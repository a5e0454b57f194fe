"""Fields that several bodies share."""

from typing import Any

from marshmallow import ValidationError, fields, post_dump, validate

from chassis.schemas import CamelSchema
from services.promotions.rules import settings as rules

UID_LENGTH = 100
NAME_LENGTH = 200
MAX_BULK = 5000  # things that one call may write
_PARTS_OF_PATHS = frozenset("/\\;?#%")


def uid(**kwargs: Any) -> fields.String:
    """A key that a tenant has given to a thing of its own. It can stand in a path as it is."""
    return fields.String(validate=[validate.Length(1, UID_LENGTH), one_segment], **kwargs)


def uids(maximum: int, **kwargs: Any) -> fields.List:
    return fields.List(uid(), validate=validate.Length(max=maximum), **kwargs)


class Whole(fields.Integer):
    """A whole number, also written ``2.0``: no fraction is cut off, and ``true`` is no number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        whole: int = super()._deserialize(value, attr, data, **kwargs)
        return whole


def amount(**kwargs: Any) -> fields.Decimal:
    """An amount as our own answers have it: text with two decimals."""
    return fields.Decimal(places=2, as_string=True, metadata={"type": "string"}, **kwargs)


def time_zone(name: str) -> None:
    if not rules.is_time_zone(name):
        raise ValidationError("Not a time zone of the IANA database, such as Europe/Oslo.")


def one_segment(value: str) -> None:
    if value in (".", "..") or not all(each.isprintable() and not each.isspace() for each in value):
        raise ValidationError("Must be visible characters without spaces.")
    if _PARTS_OF_PATHS & set(value):
        raise ValidationError("Must not have any of / \\ ; ? # %.")


class SparseSchema(CamelSchema):
    """Leaves out of an answer what is None."""

    @post_dump
    def leave_out_none(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}
