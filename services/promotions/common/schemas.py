"""Fields that several bodies share, warnings, and identity's events."""

from typing import Any

from marshmallow import ValidationError, fields, post_dump, validate

from chassis.core import money
from chassis.http.schemas import CamelSchema, Stripped
from services.promotions.common import rules
from services.promotions.common.rules import Code

UID_LENGTH = 100
NAME_LENGTH = 200
MAX_BULK = 5000  # things that one call may write


def uid(**kwargs: Any) -> fields.String:
    """A key that a tenant has given to a thing of its own, without the spaces around it, which do not count in paths
    either. It can be written in a path, percent-encoded (D60)."""
    return Stripped(validate=[validate.Length(1, UID_LENGTH), one_segment], **kwargs)


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


class AmountText(fields.String):
    """An amount as our own answers have it: text with the decimals of the ``currency`` of what it stands in (D9)."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else money.written(value, obj.currency)


def time_zone(name: str) -> None:
    if not rules.is_time_zone(name):
        raise ValidationError("Not a time zone of the IANA database, such as Europe/Oslo.")


def one_segment(value: str) -> None:
    if value in (".", "..") or not value.isprintable():
        raise ValidationError("Must be visible characters, and neither . nor .. alone: it could not stand in a path.")


class SparseSchema(CamelSchema):
    """Leaves optional fields out of an answer where they are None or an empty list."""

    @post_dump
    def leave_out_empty(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        optional = {field.data_key for field in self.dump_fields.values() if not field.required}
        return {name: value for name, value in data.items() if name not in optional or value not in (None, [])}


class TenantEventIn(CamelSchema):
    """Read as columns of ``Tenant``."""

    tenant_id = fields.UUID(required=True, attribute="id")
    slug = fields.String(load_default=None)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    time_zone = fields.String(required=True)
    features = fields.List(fields.String(), required=True)


class SuspensionIn(CamelSchema):
    """A tenant that identity has suspended, resumed or ended."""

    tenant_id = fields.UUID(required=True)


class WarningOut(CamelSchema):
    """``uids`` are the first products or campaigns of the ``count`` that it is about."""

    code = fields.String(required=True, validate=validate.OneOf(list(Code)))
    message = fields.String(required=True)
    count = fields.Integer(required=True)
    uids = fields.List(fields.String(), required=True)
