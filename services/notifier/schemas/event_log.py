"""The event log on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from chassis.schemas import CamelSchema
from services.notifier.rules.event_types import MAX_TYPES, PATTERN

MAX_LIMIT = 200
MAX_WAIT = 20

_pattern = validate.Regexp(
    PATTERN.pattern + r"\Z", error="Name a type (campaigns.InviteCreated.v1), a kind of types (campaigns.*), or *."
)


def type_patterns(**kwargs: Any) -> fields.List:
    """A list of event types and patterns."""
    return fields.List(fields.String(validate=_pattern), validate=validate.Length(1, MAX_TYPES), **kwargs)


class TypesParameter(fields.Field[Any]):
    """The same in a query: ``types=campaigns.*,prm.TierAssigned.v1``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("Separate types by commas.")
        return type_patterns().deserialize(value.split(","))


class EventsIn(CamelSchema):
    """``after`` is a cursor, or ``latest`` for what happens from now on; without it the log begins at its beginning."""

    after = fields.String(load_default=None, validate=validate.Length(1, 500))
    types = TypesParameter(load_default=(), metadata={"type": "string", "example": "campaigns.*,prm.TierAssigned.v1"})
    subject = fields.UUID(load_default=None)
    limit = fields.Integer(load_default=100, validate=validate.Range(1, MAX_LIMIT))
    wait = fields.Integer(load_default=0, validate=validate.Range(0, MAX_WAIT))


class EventOut(CamelSchema):
    """A CloudEvents 1.0 envelope; its names are CloudEvents' own. ``sequence`` counts the events about ``subject``."""

    specversion = fields.String(required=True)
    id = fields.UUID(required=True)
    source = fields.String(required=True)
    type = fields.String(required=True)
    subject = fields.UUID(required=True)
    time = fields.String(required=True)
    datacontenttype = fields.String(required=True)
    sequence = fields.Integer(required=True)
    data = fields.Dict(required=True)


class EventsOut(CamelSchema):
    """``next`` is the cursor to go on with; ``hasMore`` tells that there is more already."""

    items = fields.List(fields.Nested(EventOut), required=True)
    next = fields.String(required=True)
    has_more = fields.Boolean(required=True)
