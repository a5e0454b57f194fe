"""Published events: every version of every event, with the schema of its data and an example, for the catalogue."""

import inspect
import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import NAMESPACE_URL, UUID, uuid5

from chassis.core.text import camel
from chassis.messaging.broker.topic import matches
from chassis.messaging.events import envelope
from concord import platform
from concord.examples import EXAMPLES

MOMENT = datetime.fromisoformat("2026-04-01T08:00:00+00:00")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Published:
    """One version of an event, as its class declares it."""

    service: str
    cls: Any

    @property
    def type(self) -> str:
        event_type: str = self.cls.event_type
        return event_type

    @property
    def summary(self) -> str:
        return " ".join((inspect.getdoc(self.cls) or "").split())

    @property
    def shape(self) -> dict[str, Any]:
        """The JSON schema of its ``data``."""
        hints = get_type_hints(self.cls)
        properties = {camel(field.name): _schema(hints[field.name]) for field in fields(self.cls)}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @property
    def example(self) -> dict[str, Any]:
        """An envelope as it goes over the wire, with made-up contents that never change."""
        hints = get_type_hints(self.cls)
        values = {field.name: _example(field.name, hints[field.name]) for field in fields(self.cls)}
        defaults = {f.name: f.default for f in fields(self.cls) if not f.init and f.default is not MISSING}
        event = self.cls(**{name: value for name, value in values.items() if name not in defaults})
        text = envelope(
            event,
            event_id=_id(self.type),
            subject=next((value for value in values.values() if isinstance(value, UUID)), _id("subject")),
            sequence=1,
            tenants=(_id("tenant"),),
            actor_id=_id("actor"),
            at=MOMENT,
        )
        # A request would also have given its id and its trace.
        return json.loads(text) | {"correlationid": "a1b2c3d4", "traceparent": TRACE}

    @property
    def subscribers(self) -> list[str]:
        """The names of our own subscribers to it."""
        return [
            subscriber.name
            for service in map(platform.load, platform.SERVICES)
            for subscriber in service.listeners
            if any(matches(pattern, self.type) for pattern in subscriber.patterns)
        ]


def published() -> list[Published]:
    """Every version of every event that is published, by service and then as declared."""
    return [Published(name, cls) for name in platform.SERVICES for cls in platform.load(name).events]


_PLAIN: Mapping[Any, dict[str, Any]] = {
    UUID: {"type": "string", "format": "uuid"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    Decimal: {"type": "string", "format": "decimal"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict: {"type": "object"},
    Any: {},
}


def _schema(hint: Any) -> dict[str, Any]:
    """The JSON schema of what ``chassis.core.plain`` makes of a type.

    Raises:
        TypeError: an event cannot carry the type.
    """
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        [inner] = [argument for argument in arguments if argument is not type(None)]
        schema = _schema(inner)
        return schema | {"type": [schema["type"], "null"]}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin in (list, tuple, set, frozenset, Sequence):
        return {"type": "array", "items": _schema(arguments[0])}
    if origin in (dict, Mapping):
        return {"type": "object"}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [str(member.value) for member in hint]}
    raise TypeError(f"an event cannot carry a {hint!r}")


def _example(name: str, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _example(name, next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return arguments[0]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if name in EXAMPLES:
        return EXAMPLES[name]
    if origin in (list, tuple, set, frozenset, Sequence):
        return (_example(name.removesuffix("s"), arguments[0]),)
    if hint is dict or origin in (dict, Mapping):
        return {}
    values: dict[Any, Any] = {UUID: _id(name), datetime: MOMENT, date: MOMENT.date(), Decimal: Decimal("120.00")}
    return (values | {str: name.replace("_", " "), int: 1, float: 1.0, bool: True}).get(hint)


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:concord:{name}")
