"""The catalogue of events is whole, current and true: what it shows is what is published and what subscribers take."""

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import jsonschema_rs
import pytest
import yaml
from marshmallow import EXCLUDE, fields

from chassis.http.schemas import CamelSchema
from chassis.messaging.broker.topic import matches
from chassis.messaging.events import Subscription, publishes
from concord import catalogue, platform
from concord.asyncapi import asyncapi
from concord.catalogue import FOLDER, ShapeChanged
from concord.published import Published, published

SPECIFICATION = Path(__file__).parent / "asyncapi" / "3.0.0.json"
EVENTS = published()
DOCUMENT = asyncapi(EVENTS)


def subscriptions() -> list[Subscription]:
    return [
        subscription
        for name in platform.SERVICES
        for subscriber in platform.load(name).listeners
        for subscription in subscriber.subscriptions
        if subscription.schema
    ]


def test_the_catalogue_is_current():
    """If not: ``make events``."""
    written = catalogue.files(catalogue.known_shapes())
    stale = [name for name, text in written.items() if (FOLDER / name).read_text() != text]
    assert stale == []


def test_no_published_shape_was_changed():
    known = catalogue.known_shapes()
    assert known
    assert catalogue.shapes(known) == known


@publishes("sample.NoteWritten.v1")
@dataclass(frozen=True)
class NoteWritten:
    """A note."""

    note_id: UUID
    title: str


@pytest.mark.parametrize(
    "change",
    [
        lambda shape: shape["properties"].pop("title"),
        lambda shape: shape["required"].remove("title"),
        lambda shape: shape["properties"]["title"].update(type=["string", "null"]),
        lambda shape: shape["properties"].update(colour={"type": "string"}),
    ],
    ids=["removed", "optional", "nullable", "added"],
)
def test_a_changed_shape_is_refused(monkeypatch, change):
    monkeypatch.setattr(catalogue, "published", lambda: [Published("sample", NoteWritten)])
    known = {"sample.NoteWritten.v1": Published("sample", NoteWritten).shape, "sample.Gone.v1": {"type": "object"}}
    assert catalogue.shapes(known) == known
    change(known["sample.NoteWritten.v1"])
    with pytest.raises(ShapeChanged, match="next version"):
        catalogue.shapes(known)


def test_the_document_is_asyncapi_3():
    validator = jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_text()))
    document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
    assert [error.message for error in validator.iter_errors(document)] == []
    document["channels"]["wrong"] = {"adress": "x"}
    assert not validator.is_valid(document)


def test_every_event_is_in_it_with_a_channel_an_operation_and_an_example():
    types = {event.type for event in EVENTS}
    assert len(types) == len(EVENTS) > 0
    assert set(DOCUMENT["channels"]) == set(DOCUMENT["components"]["messages"]) == types
    assert {operation["channel"]["$ref"].rpartition("/")[2] for operation in DOCUMENT["operations"].values()} == types
    page = (FOLDER / "README.md").read_text()
    assert all(f"### {event_type}\n" in page for event_type in types)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_the_example_has_the_shape(event):
    payload = {"$ref": f"#/components/messages/{event.type}/payload"}
    validator = jsonschema_rs.validator_for(payload | {"components": DOCUMENT["components"]}, validate_formats=True)
    example = event.example
    assert [error.message for error in validator.iter_errors(example)] == []
    del example["data"][next(iter(example["data"]))]
    assert not validator.is_valid(example)


@pytest.mark.parametrize("subscription", subscriptions(), ids=lambda one: f"{one.schema.__module__}:{one.event_type}")
def test_every_subscriber_takes_every_published_example(subscription):
    """All live versions that it listens to: a field taken from an event fails here, before anybody misses it."""
    heard = [event for event in EVENTS if matches(subscription.event_type, event.type)]
    for event in heard:
        assert subscription.schema(unknown=EXCLUDE).load(event.example["data"]), event.type


def test_a_subscriber_that_needs_more_would_be_found():
    class Greedy(CamelSchema):
        colour = fields.String(required=True)

    event = Published("sample", NoteWritten)
    assert Greedy(unknown=EXCLUDE).validate(event.example["data"]) != {}
