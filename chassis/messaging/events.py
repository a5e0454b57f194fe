"""Events as a service declares them and as a subscriber receives them.

A published event is a frozen dataclass under ``@publishes("campaigns.InviteCreated.v1")``; on the wire it is a
CloudEvents 1.0 envelope in structured JSON with the dataclass in ``data``, keys in camelCase. A published shape never
changes: a new shape is a new version.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError

from chassis.core import context
from chassis.core.plain import plain, time_text
from chassis.core.text import camel

C = TypeVar("C", bound=type)
NOBODY = str(UUID(int=0))
MAX_SEQUENCE = 2**31 - 1  # what the tables take


SERVICE = re.compile(r"[a-z][a-z0-9_-]*")


class Drop(Exception):
    """This event can never be handled: put it with the dead letters at once, with this reason."""


class Series(NamedTuple):
    """The events that one source tells of one subject. They have numbers of their own, from 1 without gaps (D63)."""

    source: str
    subject: UUID


def source_of(event_type: str) -> str:
    """The source of a type's events: the service that the type begins with.

    Raises:
        ValueError: it begins with none.
    """
    service, dot, _ = event_type.partition(".")
    if not dot or not SERVICE.fullmatch(service):
        raise ValueError(f"{event_type!r} names no service")
    return f"/services/{service}"


def publishes(event_type: str) -> Callable[[C], C]:
    """Name the type (``service.Event.v1``) a frozen dataclass is published as."""

    def decorate(cls: C) -> C:
        cls.event_type = event_type  # type: ignore[attr-defined]
        cls.wire_names = tuple((field.name, camel(field.name)) for field in fields(cls))  # type: ignore[attr-defined]
        return cls

    return decorate


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def to_data(event: Any) -> dict[str, Any]:
    """The JSON form of a published event: ids and amounts as strings, times in RFC 3339."""
    return {wire: plain(getattr(event, name)) for name, wire in event.wire_names}


def envelope(
    event: Any,
    *,
    event_id: UUID,
    subject: UUID,
    sequence: int,
    tenants: tuple[UUID, ...],
    actor_id: UUID,
    at: datetime,
) -> str:
    """The CloudEvents JSON text of a published event.

    ``tenantids`` is a comma-separated list, because CloudEvents attributes are no arrays.
    """
    event_type: str = event.event_type
    return _encode(
        {
            "specversion": "1.0",
            "id": str(event_id),
            "source": source_of(event_type),
            "type": event_type,
            "subject": str(subject),
            "time": time_text(at),
            "datacontenttype": "application/json",
            "tenantids": ",".join(map(str, tenants)),
            "sequence": sequence,
            "actorid": str(actor_id),
            "correlationid": context.request_id.get() or str(event_id),
            "traceparent": context.traceparent.get() or context.accept_traceparent(None),
            "data": to_data(event),
        }
    )


@dataclass(frozen=True, slots=True)
class Received:
    """An event as a handler sees it; ``data`` has the attributes of the handler's schema, ``envelope`` is the whole."""

    id: UUID
    type: str
    source: str
    subject: UUID
    sequence: int
    time: datetime
    tenant_ids: tuple[UUID, ...]
    actor_id: UUID
    data: Any
    envelope: Mapping[str, Any]


Hold = Callable[[Any, Sequence[UUID]], None]
"""``hold(session, tenant_ids)`` locks what belongs to the tenants that a batch is about, before any of it is handled.

They come sorted. Handlers that lock one after the other as the events come would wait for each other in a circle as
soon as two consumers share the work.
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One handler of one event type, or of all types that fit a topic pattern (``campaigns.#``, ``*.*.v1``, ``#``).

    One that takes events ``together`` is handed a list of them.
    """

    event_type: str
    schema: type[Schema] | None
    handle: Callable[[Any, Any], None]
    together: bool = False

    def __call__(self, session: Any, received: Mapping[str, Any]) -> None:
        self.handle(session, self._load(received))

    def take_together(self, session: Any, received: Sequence[Mapping[str, Any]]) -> None:
        self.handle(session, [self._load(one) for one in received])

    def _load(self, received: Mapping[str, Any]) -> "Received":
        if self.schema is None:
            return _receive(received, received["data"])
        try:
            loaded = _loader(self.schema).load(received["data"])
        except ValidationError as error:
            raise Drop(f"does not fit {self.schema.__name__}: {error.normalized_messages()}") from error
        return _receive(received, SimpleNamespace(**loaded))


@cache
def _loader(schema: type[Schema]) -> Schema:
    """One for all events of a handler: making a schema costs far more than loading with it."""
    return schema(unknown=EXCLUDE)


@dataclass(frozen=True)
class Subscriber:
    """One listener of a service, with a queue of its own.

    Attributes:
        name: of its queue (``<name>.events``) and in its inbox: the service's name, or that, a dot and a word.
        subscriptions: its handlers.
        ordered: what one source tells of one subject takes effect in its sequence (see
        ``chassis.messaging.resequencer``). An event that
            fails holds its successors until it succeeds, or until an operator drops it.
        hold: locks what the handlers of a batch will want, see :data:`Hold`.
    """

    name: str
    subscriptions: Sequence[Subscription]
    ordered: bool = False
    hold: "Hold | None" = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """What its queue is bound to."""
        return tuple(sorted({subscription.event_type for subscription in self.subscriptions}))


def on(
    event_type: str, schema: type[Schema] | None = None
) -> Callable[[Callable[[Any, Received], None]], Subscription]:
    """Make a function the handler of an event type or pattern.

    ``schema`` names only the fields it needs; without one ``data`` is the mapping that was published.
    """

    def decorate(handle: Callable[[Any, Received], None]) -> Subscription:
        return Subscription(event_type, schema, handle)

    return decorate


def on_all(
    pattern: str, schema: type[Schema] | None = None
) -> Callable[[Callable[[Any, Sequence[Received]], None]], Subscription]:
    """Make a function the handler of events of a pattern that come one after the other, as many as a transaction takes.

    For what costs less together. Of one series they come in their order; events of other series that only such
    handlers take may be handed over before or after them. ``schema`` is as in :func:`on`.
    """

    def decorate(handle: Callable[[Any, Sequence[Received]], None]) -> Subscription:
        return Subscription(pattern, schema, handle, together=True)

    return decorate


@lru_cache(maxsize=1024)
def as_id(text: str) -> UUID:
    """The same few ids are asked for again and again while a batch is handled."""
    return UUID(text)


def series_of(received: Mapping[str, Any]) -> Series:
    """The series in which a parsed envelope has its sequence."""
    return Series(received["source"], as_id(received["subject"]))


def tenants_of(received: Mapping[str, Any]) -> tuple[UUID, ...]:
    """The tenants that may see an event."""
    return tuple(as_id(part) for part in received.get("tenantids", "").split(",") if part)


def parse(body: bytes) -> dict[str, Any]:
    """The envelope in a message.

    Raises:
        Drop: no CloudEvents JSON with the attributes we rely on; or its ``source`` is not the service that its type
            names, so that nobody could say whose numbers its sequence is one of.
    """
    try:
        received = json.loads(body)
        as_id(received["id"]), as_id(received["subject"])
        if not 1 <= int(received["sequence"]) <= MAX_SEQUENCE:
            raise ValueError("sequence")
        datetime.fromisoformat(received["time"])
        if not isinstance(received["type"], str) or not isinstance(received["data"], dict):
            raise TypeError("type or data")
        if received["source"] != source_of(received["type"]):
            raise ValueError(f"source {received['source']!r} does not publish {received['type']}")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Drop(f"not an event of ours: {error!r}") from error
    return dict(received)


def _receive(received: Mapping[str, Any], data: Any) -> Received:
    return Received(
        id=as_id(received["id"]),
        type=received["type"],
        source=received["source"],
        subject=as_id(received["subject"]),
        sequence=int(received["sequence"]),
        time=datetime.fromisoformat(received["time"]),
        tenant_ids=tenants_of(received),
        actor_id=as_id(received.get("actorid") or NOBODY),
        data=data,
        envelope=received,
    )
