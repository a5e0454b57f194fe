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
from functools import cache, lru_cache, partial
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError

from chassis.core import context
from chassis.core.plain import plain, time_text
from chassis.core.principal import NOBODY
from chassis.core.text import camel

C = TypeVar("C", bound=type)
MAX_SEQUENCE = 2**31 - 1  # what the tables take
SERVICE = re.compile(r"[a-z][a-z0-9_-]*")


class Drop(Exception):
    """This event can never be handled: put it with the dead letters at once, with this reason."""


class Series(NamedTuple):
    """The events of one source about one subject. They have numbers of their own, from 1 without gaps (D63)."""

    source: str
    subject: UUID


def source_of(event_type: str) -> str:
    """The source of a type's events, after the service that the type begins with; ``ValueError`` where it has none."""
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
            "data": {wire: plain(getattr(event, name)) for name, wire in event.wire_names},
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


LockTenants = Callable[[Any, Sequence[UUID]], None]
"""``lock_tenants(session, tenant_ids)`` locks what belongs to a batch's tenants before any event of it is handled.

The ids come sorted. Handlers that lock one tenant after the other, as the events come, would deadlock as soon as two
consumers share the work.
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One handler of one event type, or of all types that fit a topic pattern (``campaigns.#``, ``*.*.v1``, ``#``).

    A handler that takes events ``together`` is given a list of them.
    """

    event_type: str
    schema: type[Schema] | None
    handle: Callable[[Any, Any], None]
    together: bool = False

    def receive(self, envelope: Mapping[str, Any]) -> Received:
        """The event as the handler sees it. Raises ``Drop`` where ``data`` does not fit the schema."""
        data = envelope["data"]
        if self.schema is not None:
            try:
                data = SimpleNamespace(**_loader(self.schema).load(data))
            except ValidationError as error:
                raise Drop(f"does not fit {self.schema.__name__}: {error.normalized_messages()}") from error
        actor_id = envelope.get("actorid")
        return Received(
            id=as_id(envelope["id"]),
            type=envelope["type"],
            source=envelope["source"],
            subject=as_id(envelope["subject"]),
            sequence=int(envelope["sequence"]),
            time=datetime.fromisoformat(envelope["time"]),
            tenant_ids=tenants_of(envelope),
            actor_id=as_id(actor_id) if actor_id else NOBODY,
            data=data,
            envelope=envelope,
        )


@cache
def _loader(schema: type[Schema]) -> Schema:
    """One loader for all events of a handler: making a schema costs far more than loading with it."""
    return schema(unknown=EXCLUDE)


@dataclass(frozen=True)
class Subscriber:
    """One listener of a service, with a queue of its own.

    Attributes:
        name: of its queue (``<name>.events``) and in its inbox: the service's name, or that, a dot and a word.
        ordered: the events of a series take effect in their sequence (see ``chassis.messaging.resequencer``). The
            successors of an event that fails wait until it succeeds, or until an operator drops it.
        lock_tenants: see :data:`LockTenants`.
    """

    name: str
    subscriptions: Sequence[Subscription]
    ordered: bool = False
    lock_tenants: LockTenants | None = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """What its queue is bound to."""
        return tuple(sorted({subscription.event_type for subscription in self.subscriptions}))


def on(
    event_type: str, schema: type[Schema] | None = None
) -> Callable[[Callable[[Any, Received], None]], Subscription]:
    """Make a function the handler of an event type or pattern. ``schema`` names only the fields it needs; without one
    ``data`` is the mapping that was published."""
    return partial(Subscription, event_type, schema)


def on_all(
    pattern: str, schema: type[Schema] | None = None
) -> Callable[[Callable[[Any, Sequence[Received]], None]], Subscription]:
    """Make a function the handler of a list of events, as many as a transaction takes: for what costs less together.

    The events of one series come in their order; those of other series that only such handlers take may come before or
    after them. ``schema`` is as in :func:`on`.
    """
    return partial(Subscription, pattern, schema, together=True)


@lru_cache(maxsize=1024)
def as_id(text: str) -> UUID:
    """Parse an id, cached: handling a batch asks for the same few ids again and again."""
    return UUID(text)


def series_of(envelope: Mapping[str, Any]) -> Series:
    """The series in which a parsed envelope has its sequence."""
    return Series(envelope["source"], as_id(envelope["subject"]))


def tenants_of(envelope: Mapping[str, Any]) -> tuple[UUID, ...]:
    """The tenants that may see an event."""
    return tuple(as_id(tenant_id) for tenant_id in envelope.get("tenantids", "").split(",") if tenant_id)


def parse(body: bytes) -> dict[str, Any]:
    """The envelope in a message.

    Raises:
        Drop: no CloudEvents JSON with the attributes we rely on; or its ``source`` is not the service that its type
            names, so that its sequence would belong to no series.
    """
    try:
        envelope: dict[str, Any] = json.loads(body)
        as_id(envelope["id"]), as_id(envelope["subject"])
        if not 1 <= int(envelope["sequence"]) <= MAX_SEQUENCE:
            raise ValueError("sequence")
        datetime.fromisoformat(envelope["time"])
        if not isinstance(envelope["type"], str) or not isinstance(envelope["data"], dict):
            raise TypeError("type or data")
        if envelope["source"] != source_of(envelope["type"]):
            raise ValueError(f"source {envelope['source']!r} does not publish {envelope['type']}")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Drop(f"not an event of ours: {error!r}") from error
    return envelope
