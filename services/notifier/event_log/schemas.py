"""The event log on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from chassis.http.schemas import CamelSchema
from services.notifier.event_log.event_types import MAX_LENGTH, MAX_TYPES, objections

MAX_LIMIT = 200
MAX_WAIT = 20


class TypePatterns(fields.List):
    """A list of event types and patterns. With ``published`` each must fit a published type."""

    def __init__(self, *, published: bool = True, **kwargs: Any) -> None:
        super().__init__(fields.String(validate=validate.Length(max=MAX_LENGTH)), **kwargs)
        self._published = published

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        types = [str(name) for name in super()._deserialize(value, attr, data, **kwargs)]
        validate.Length(1, MAX_TYPES)(types)
        if self._published and (errors := objections(types)):
            raise ValidationError({place: [objection] for place, objection in errors.items()})
        return types


class TypesParameter(fields.Field[Any]):
    """The same in a query: ``types=campaigns.*,prm.TierAssigned.v1``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("Separate types by commas.")
        return TypePatterns().deserialize(value.split(","))


class EventsIn(CamelSchema):
    """``after`` is a cursor, or ``latest`` for events from now on; without it the log starts at its beginning."""

    after = fields.String(load_default=None, validate=validate.Length(1, 500))
    types = TypesParameter(load_default=(), metadata={"type": "string", "example": "campaigns.*,prm.TierAssigned.v1"})
    subject = fields.UUID(load_default=None)
    limit = fields.Integer(load_default=100, validate=validate.Range(1, MAX_LIMIT))
    wait = fields.Integer(load_default=0, validate=validate.Range(0, MAX_WAIT))


class EventOut(CamelSchema):
    """A CloudEvents 1.0 envelope; its names are CloudEvents' own. ``sequence`` counts the events of ``source`` about
    ``subject``: two services may publish about the same subject, each with numbers of its own (D63)."""

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
    """``next`` is the cursor of the next call; ``hasMore`` says that there are more events already."""

    items = fields.List(fields.Nested(EventOut), required=True)
    next = fields.String(required=True)
    has_more = fields.Boolean(required=True)
