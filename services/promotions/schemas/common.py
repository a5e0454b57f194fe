"""Fields that several bodies share."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from services.promotions.rules import settings as rules

UID_LENGTH = 100
_PARTS_OF_PATHS = frozenset("/\\;?#%")


def uid(**kwargs: Any) -> fields.String:
    """A key that a tenant has given to a thing of its own. It can stand in a path as it is."""
    return fields.String(validate=[validate.Length(1, UID_LENGTH), _one_segment], **kwargs)


def uids(maximum: int, **kwargs: Any) -> fields.List:
    return fields.List(uid(), validate=validate.Length(max=maximum), **kwargs)


def time_zone(name: str) -> None:
    if not rules.is_time_zone(name):
        raise ValidationError("Not a time zone of the IANA database, such as Europe/Oslo.")


def _one_segment(value: str) -> None:
    if value in (".", "..") or not all(each.isprintable() and not each.isspace() for each in value):
        raise ValidationError("Must be visible characters without spaces.")
    if _PARTS_OF_PATHS & set(value):
        raise ValidationError("Must not have any of / \\ ; ? # %.")
