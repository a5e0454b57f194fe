"""``concord dead``: from the operator's keyboard to the subscriber's database and the broker's dead letters."""

import json
import threading
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from chassis import metrics, parked, settings
from chassis.broker import Message, connect, store
from chassis.consumer import Consumer
from chassis.events import Drop
from chassis.identity import Principal, acting_as
from chassis.testing import sample_event
from concord import platform
from concord.cli import main
from services.prm.models import TenantName

SYSTEM = Principal.system("prm")


def concord(*words):
    return CliRunner().invoke(main, ["dead", "--service", "prm", *words], catch_exceptions=False)


def tenant_changed(name="Nordic"):
    tenant_id = str(uuid4())
    data = {
        "tenantId": tenant_id,
        "name": name,
        "kind": "Supplier",
        "slug": "nordic",
        "timeZone": "UTC",
        "features": [],
    }
    [handler] = [one for one in platform.load("prm").subscriptions if "TenantChanged" in one.event_type][:1]
    return sample_event(handler.event_type, data, subject=tenant_id)


def park(prm, event, reason="no good"):
    message = Message(event["id"], event["type"], json.dumps(event).encode())
    with acting_as(SYSTEM), prm.database.begin() as session:
        parked.park(session, "prm", message, Drop(reason))


def try_again(prm):
    consumer = Consumer(prm.service.listeners[0], prm.database, None)
    while consumer.retry_one():
        pass


def states(prm):
    with acting_as(SYSTEM), prm.database.read() as session:
        return {row.event_id: row.state for row in parked.find(session, ["prm"])}


def test_nothing_is_dead(prm):
    assert concord("list").output == "No dead letters.\n"


def test_a_dead_event_is_listed_shown_and_replayed(prm):
    event = tenant_changed()
    park(prm, event, "the name is\nno good")
    listed = concord("list").output
    assert event["id"] in listed
    assert "Drop: the name is no good" in listed
    shown = concord("show", event["id"]).output
    assert "subscriber prm" in shown
    assert '"name": "Nordic"' in shown
    assert concord("replay", event["id"]).output == "1 will be tried again.\n"
    try_again(prm)
    assert states(prm) == {}
    assert concord("list").output == "No dead letters.\n"


def test_all_of_a_subscriber_are_replayed_together(prm):
    for _ in range(3):
        park(prm, tenant_changed())
    assert concord("replay", "--all").output == "3 will be tried again.\n"
    assert set(states(prm).values()) == {"waiting"}
    assert "waiting" in concord("list", "--waiting").output


def test_what_was_handled_needs_force_and_that_is_logged(prm):
    event = tenant_changed()
    park(prm, event)
    concord("replay", event["id"])
    try_again(prm)
    park(prm, event)
    refused = concord("replay", event["id"])
    assert refused.exit_code == 1
    assert "--force" in refused.output
    before = metrics.events_handled.labels("prm", event["type"])._value.get()
    assert "event forced" in concord("replay", event["id"], "--force").output
    try_again(prm)
    assert metrics.events_handled.labels("prm", event["type"])._value.get() - before == 1


def test_a_dropped_event_is_gone(prm):
    event, other = tenant_changed(), tenant_changed()
    park(prm, event)
    park(prm, other)
    assert concord("drop", event["id"]).output.endswith("1 were given up.\n")
    assert set(states(prm)) == {other["id"]}
    assert concord("drop", event["id"]).exit_code == 1


def test_what_killed_its_consumers_is_found_in_the_broker(prm, monkeypatch):
    monkeypatch.setattr(store, "MAX_DELIVERIES", 1)
    event, other = tenant_changed(), tenant_changed()
    broker = connect(settings.load().broker_url, "test")
    broker.declare("prm", prm.service.listeners[0].patterns)
    broker.publish([Message(e["id"], e["type"], json.dumps(e).encode()) for e in (event, other)])
    with pytest.raises(ZeroDivisionError):
        broker.consume("prm", lambda batch: 1 / 0, stop=threading.Event())
    broker.publish([Message("end", event["type"], b"")])
    with pytest.raises(StopIteration):
        broker.consume("prm", _raise_stop, stop=threading.Event())
    broker.close()
    assert "in the broker" in concord("list").output
    assert '"name": "Nordic"' in concord("show", event["id"]).output
    assert concord("drop", other["id"]).output.endswith("1 were given up.\n")
    assert concord("replay", event["id"]).output == "1 will be tried again.\n"
    assert states(prm) == {event["id"]: "waiting"}
    try_again(prm)
    assert concord("list").output == "No dead letters.\n"


def _raise_stop(_batch):
    raise StopIteration


def test_a_command_that_says_nothing_changes_nothing(prm):
    assert concord("replay").exit_code == 2
    assert concord("show", "unknown").exit_code == 1
    unknown = CliRunner().invoke(main, ["dead", "--subscriber", "nobody", "list"])
    assert "no subscriber" in unknown.output


def test_a_name_in_the_database_is_what_the_event_said(prm):
    """Replaying is handling: the effect is there, once."""
    event = tenant_changed("Fjord")
    park(prm, event)
    concord("replay", "--all")
    try_again(prm)
    with acting_as(SYSTEM), prm.database.read() as session:
        assert session.scalar(select(func.count()).select_from(TenantName)) == 1
