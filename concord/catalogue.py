"""The catalogue of events, generated from the event classes: ``make events`` writes it to ``docs/events``.

``asyncapi.yaml`` is for tools and ``README.md`` for people. ``shapes.json`` remembers every shape that was ever
published, also of versions that are published no more: what is there stays as it is, a new shape is a new version.
"""

import inspect
import json
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml

from chassis.core.text import camel
from chassis.messaging.broker.topic import matches
from chassis.messaging.events import envelope, to_data
from concord import catalogue_page, platform
from concord.asyncapi import asyncapi
from concord.examples import example_of_field

FOLDER = Path(__file__).parent.parent / "docs" / "events"
TYPES = "../../services/notifier/event_log/published_types.txt"  # from there; the notifier may be asked for these types
MOMENT = datetime.fromisoformat("2026-04-01T08:00:00+00:00")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class ShapeChanged(Exception):
    """A published version does not look any more as it did. The message says which, and what to do."""


@dataclass(frozen=True)
class Published:
    """One version of an event."""

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
        # What else a request would have said: who caused it, and its trace.
        return json.loads(text) | {"correlationid": "a1b2c3d4", "traceparent": TRACE, "data": to_data(event)}


def published() -> list[Published]:
    """Every version of every event that is published, by service and then as declared."""
    return [Published(name, cls) for name in platform.SERVICES for cls in platform.load(name).events]


def listeners(event_type: str) -> list[str]:
    """The subscribers of ours that hear a type."""
    found = []
    for service in map(platform.load, platform.SERVICES):
        for subscriber in service.listeners:
            if any(matches(pattern, event_type) for pattern in subscriber.patterns):
                found.append(subscriber.name)
    return found


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
    """What ``chassis.messaging.events.plain`` makes of a type.

    Raises:
        TypeError: it makes nothing of it.
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
    if (known := example_of_field(name)) is not None:
        return known
    if origin in (list, tuple, set, frozenset, Sequence):
        return (_example(name.removesuffix("s"), arguments[0]),)
    if hint is dict or origin in (dict, Mapping):
        return {}
    made: dict[Any, Any] = {UUID: _id(name), datetime: MOMENT, date: MOMENT.date(), Decimal: Decimal("120.00")}
    return (made | {str: name.replace("_", " "), int: 1, float: 1.0, bool: True}).get(hint)


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:concord:{name}")


# The shapes that were published


def shapes(known: Mapping[str, Any]) -> dict[str, Any]:
    """The known shapes and those that are new.

    Raises:
        ShapeChanged: a known one is another now.
    """
    result = dict(known)
    for event in published():
        shape = event.shape
        if known.get(event.type, shape) != shape:
            raise ShapeChanged(
                f"{event.type} was published with another shape. Subscribers rely on it: leave it as it was and "
                "declare the new one as its next version.\n"
                f"  was: {json.dumps(known[event.type])}\n  is:  {json.dumps(shape)}"
            )
        result[event.type] = shape
    return dict(sorted(result.items()))


def known_shapes(folder: Path = FOLDER) -> dict[str, Any]:
    path = folder / "shapes.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return known


# What is written


def files(known: Mapping[str, Any]) -> dict[str, str]:
    """The contents of every generated file by name."""
    document = yaml.safe_dump(asyncapi(published()), sort_keys=False, allow_unicode=True, width=120)
    return {
        "shapes.json": _one_a_line(shapes(known)),
        "asyncapi.yaml": "# Generated by `make events` from the event classes.\n" + document,
        "README.md": catalogue_page.render(published()),
        TYPES: "".join(f"{event_type}\n" for event_type in shapes(known)),
    }


def _one_a_line(known: Mapping[str, Any]) -> str:
    lines = [f"{json.dumps(event_type)}: {json.dumps(shape)}" for event_type, shape in known.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the catalogue; refuses when a published shape has changed."""
    try:
        written = files(known_shapes())
    except ShapeChanged as error:
        sys.exit(str(error))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (FOLDER / name).write_text(text)
    print(f"{len(published())} events written to {FOLDER}")


if __name__ == "__main__":
    main()
