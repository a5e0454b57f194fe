"""The AsyncAPI document of the catalogue of events."""

from collections.abc import Sequence
from typing import Any

from chassis.messaging.broker import EXCHANGE
from concord.published import Published


def asyncapi(events: Sequence[Published]) -> dict[str, Any]:
    """The AsyncAPI 3 document of everything that is published."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Concord's events",
            "version": "1",
            "description": "What happened on Concord. Every message is a CloudEvents 1.0 envelope in structured JSON, "
            "delivered at least once. `sequence` counts the events of one `source` about one `subject`, from 1 without "
            "gaps. Two services may publish about the same subject, each with its own numbers, so order and cursors "
            "belong to (source, subject). A published shape never changes: a new shape is a new version.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {"rabbitmq": {"host": "rabbitmq:5672", "protocol": "amqp", "protocolVersion": "0.9.1"}},
        "channels": {event.type: _channel(event) for event in events},
        "operations": {f"publish.{event.type}": _operation(event) for event in events},
        "components": {
            "messages": {event.type: _message(event) for event in events},
            "schemas": {"Envelope": _ENVELOPE} | {event.type: event.shape for event in events},
        },
    }


def _channel(event: Published) -> dict[str, Any]:
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"}
    return {
        "address": event.type,
        "summary": event.summary,
        "messages": {"event": {"$ref": f"#/components/messages/{event.type}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _operation(event: Published) -> dict[str, Any]:
    channel = f"#/channels/{event.type}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": event.summary,
        "tags": [{"name": event.service}],
        "messages": [{"$ref": f"{channel}/messages/event"}],
    }


def _message(event: Published) -> dict[str, Any]:
    data = {"type": "object", "properties": {"data": {"$ref": f"#/components/schemas/{event.type}"}}}
    return {
        "name": event.type,
        "title": event.cls.__name__,
        "summary": event.summary,
        "contentType": "application/cloudevents+json",
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, data]},
        "examples": [{"name": "example", "payload": event.example}],
    }


_TEXT = {"type": "string"}
_ENVELOPE = {
    "type": "object",
    "description": "CloudEvents 1.0 with the extensions tenantids, sequence, actorid, correlationid and traceparent.",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "The same event again has the same id."},
        "source": {
            **_TEXT,
            "description": "`/services/` and the service that published it, with which its type begins. `sequence` "
            "counts by source and subject.",
        },
        "type": {**_TEXT, "description": "`service.Event.version`, also the routing key."},
        "subject": {
            "type": "string",
            "format": "uuid",
            "description": "The thing that it happened to. Several services may publish about the same one.",
        },
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "tenantids": {**_TEXT, "description": "The tenants that may see it, separated by commas."},
        "sequence": {
            "type": "integer",
            "minimum": 1,
            "description": "Counts the events of this source about this subject, without gaps.",
        },
        "actorid": {"type": "string", "format": "uuid", "description": "Who caused it: data, never authority."},
        "correlationid": {**_TEXT, "description": "The id of the request that caused it."},
        "traceparent": {**_TEXT, "description": "Its trace, as W3C Trace Context writes it."},
        "data": {"type": "object"},
    },
    "required": ["specversion", "id", "source", "type", "subject", "time", "sequence", "data"],
}
