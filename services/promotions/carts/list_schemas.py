"""Wire shapes that cart campaigns and linked products share: milliseconds, lists, sorting (S4)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from chassis.http.pages import MAX_PAGE, MAX_PAGE_SIZE
from chassis.http.schemas import CamelSchema, Stripped, one_line, visible
from services.promotions.carts.campaign_rules import Bound, SortKey
from services.promotions.common.schemas import SparseSchema, WarningOut

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LATEST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // MILLISECOND
EMPTY = "field can't be empty"
"""S4-18, word for word."""
FILLED: dict[str, Any] = {"required": EMPTY, "null": EMPTY}


def to_millis(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def filled(maximum: int, **kwargs: Any) -> fields.String:
    """A name, which must be there and not blank (D62)."""
    bounds: list[Any] = [_not_empty, validate.Length(max=maximum), one_line]
    return Stripped(required=True, error_messages=FILLED, validate=bounds, **kwargs)


def _not_empty(value: str) -> None:
    try:
        visible(value)
    except ValidationError:
        raise ValidationError(EMPTY) from None


class Millis(fields.Field[datetime]):
    """A moment as milliseconds since 1970, a JSON integer."""

    default_error_messages = {"invalid": "Must be a timestamp in milliseconds."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "integer", "format": "int64", "minimum": 0}, **kwargs)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None else to_millis(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LATEST:
            raise self.make_error("invalid")
        return EPOCH + value * MILLISECOND


class SignedMillis(fields.Field[Bound]):
    """A filter on a date with its sign: ``1593583200000<`` at or after, ``<1596261600000`` at or before (S4-4)."""

    SIGNED = re.compile(r"(<?)(\d{1,15})(<?)", re.ASCII)
    default_error_messages = {"invalid": "Must be milliseconds with a sign: 1593583200000< or <1596261600000."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Bound:
        match = self.SIGNED.fullmatch(value)
        if not match or (match[1] and match[3]) or int(match[2]) > LATEST:
            raise self.make_error("invalid")
        sign = "at_most" if match[1] else "at_least" if match[3] else "exactly"
        return Bound(sign, EPOCH + int(match[2]) * MILLISECOND)


class Sort(fields.Field[SortKey]):
    """``field,order`` or ``sub.field,order``; ascending without an order (S4-2)."""

    def __init__(self, names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string", "example": "createDate,desc"}, **kwargs)
        self.names = sorted(names)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> SortKey:
        name, _, order = str(value).partition(",")
        if name not in self.names:
            raise ValidationError(f"Must be one of: {', '.join(self.names)}.")
        if order.lower() not in ("", "asc", "desc"):
            raise ValidationError("The order must be asc or desc.")
        return SortKey(name, order.lower() == "desc")


class PageSize(fields.Integer):
    """How many items a page has; more than there can be are as many as there can be (D54)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return min(super()._deserialize(value, attr, data, **kwargs), MAX_PAGE_SIZE)


class ListIn(CamelSchema):
    """Paging of a list (S4-2); a list with filters inherits from it."""

    size = PageSize(load_default=50, validate=validate.Range(min=1))
    page = fields.Integer(load_default=0, validate=validate.Range(0, MAX_PAGE - 1))


def list_of(item: type[CamelSchema]) -> type[CamelSchema]:
    """The schema of a page of ``item`` (S4-5); dumps a ``list_queries.Listed``."""
    return CamelSchema.from_dict(  # type: ignore[return-value]
        {
            "format": fields.Constant("short", required=True),
            "items": fields.List(fields.Nested(item), required=True),
            "last": fields.Boolean(required=True),
            "number": fields.Integer(required=True),
            "size": fields.Integer(required=True),
            "total_items": fields.Integer(required=True),
            "total_pages": fields.Integer(required=True),
        },
        name=item.__name__.removesuffix("Out") + "List",
    )


class EntityIn(CamelSchema):
    """What a client may send along because it has read it, and the server sets alone (S4-12, S4-16).

    An update is checked against a ``dbVersion`` that is sent (S4-14, D6); a creation ignores it.
    """

    id = fields.Raw(allow_none=True)
    create_date = fields.Raw(allow_none=True)
    update_date = fields.Raw(allow_none=True)
    db_version = fields.Integer(strict=True, load_default=None, allow_none=True)
    warnings = fields.Raw(allow_none=True)

    @post_load
    def forget_what_the_server_sets(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        server_set = ("id", "create_date", "update_date", "warnings")
        return {name: value for name, value in data.items() if name not in server_set}


class EntityOut(SparseSchema):
    """S4-12. ``warnings`` are beyond the document, and only there where a write has some."""

    id = fields.UUID(required=True)
    create_date = Millis(required=True, attribute="created_at")
    update_date = Millis(required=True, attribute="updated_at")
    db_version = fields.Integer(required=True)
    warnings = fields.List(fields.Nested(WarningOut))
