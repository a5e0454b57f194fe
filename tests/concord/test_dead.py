"""``concord dead``: from the operator's keyboard to the subscriber's database and the broker's dead letters."""

import json
import threading
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from chassis.core import metrics
from chassis.core.principal import Principal, acting_as
from chassis.messaging import retry_table
from chassis.messaging.broker import Message, connect, store
from chassis.messaging.consumer import Consumer
from chassis.messaging.events import Drop
from chassis.messaging.retries import Retries
from chassis.process import settings
from concord import platform
from concord.cli import main
from services.notifier.event_log.models import LoggedEvent
from services.prm.models import TenantName
from tests.plugin import sample_event, value_of

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
    [handler] = [s for s in platform.load("prm").subscriptions if "TenantChanged" in s.event_type][:1]
    return sample_event(handler.event_type, data, subject=tenant_id)


def fail(prm, event, reason="no good"):
    with acting_as(SYSTEM), prm.database.begin() as session:
        retry_table.add(session, "prm", message_of(event), Drop(reason))


def die_of(monkeypatch, runtime, subscriber, *events):
    """Events whose consumers die of them, until the broker puts them aside."""
    monkeypatch.setattr(store, "MAX_DELIVERIES", 1)
    [listener] = [listener for listener in runtime.service.listeners if listener.name == subscriber]
    broker = connect(settings.load().broker_url, "test")
    broker.declare(subscriber, listener.patterns)
    broker.publish([message_of(event) for event in events])
    with pytest.raises(ZeroDivisionError):
        broker.consume(subscriber, lambda batch: 1 / 0, stop=threading.Event())
    broker.publish([Message("end", events[0]["type"], b"")])
    with pytest.raises(StopIteration):
        broker.consume(subscriber, _raise_stop, stop=threading.Event())
    broker.close()


def message_of(event):
    return Message(event["id"], event["type"], json.dumps(event).encode())


def try_again(prm):
    retries = Retries(prm.service.listeners[0], prm.database, None)
    while retries.retry_one():
        pass


def states(prm):
    with acting_as(SYSTEM), prm.database.read() as session:
        return {row.event_id: row.state for row in retry_table.find(session, "prm")}


def test_nothing_is_dead(prm):
    assert concord("list").output == "No dead letters.\n"


def test_a_dead_event_is_listed_shown_and_replayed(prm):
    event = tenant_changed()
    fail(prm, event, "the name is\nno good")
    listed = concord("list").output
    assert event["id"] in listed
    assert "Drop: the name is no good" in listed
    shown = concord("show", event["id"]).output
    assert "subscriber prm" in shown
    assert '"name": "Nordic"' in shown
    assert concord("replay", event["id"]).output == "1 event will be retried now.\n"
    try_again(prm)
    assert states(prm) == {}
    assert concord("list").output == "No dead letters.\n"


def test_all_of_a_subscriber_are_replayed_together(prm):
    for _ in range(3):
        fail(prm, tenant_changed())
    assert concord("replay", "--all").output == "3 events will be retried now.\n"
    assert set(states(prm).values()) == {"waiting"}
    assert "waiting" in concord("list", "--waiting").output


def test_what_was_handled_needs_force_and_that_is_logged(prm):
    event = tenant_changed()
    fail(prm, event)
    concord("replay", event["id"])
    try_again(prm)
    fail(prm, event)
    refused = concord("replay", event["id"])
    assert refused.exit_code == 1
    assert "--force" in refused.output
    before = value_of(metrics.events_handled.labels("prm", event["type"]))
    assert "event forced" in concord("replay", event["id"], "--force").output
    try_again(prm)
    assert value_of(metrics.events_handled.labels("prm", event["type"])) - before == 1


def test_a_dropped_event_is_gone(prm):
    event, other = tenant_changed(), tenant_changed()
    fail(prm, event)
    fail(prm, other)
    assert concord("drop", event["id"]).output.endswith("1 event dropped.\n")
    assert set(states(prm)) == {other["id"]}
    assert concord("drop", event["id"]).exit_code == 1


def test_what_killed_its_consumers_is_found_in_the_broker(prm, monkeypatch):
    event, other = tenant_changed(), tenant_changed()
    die_of(monkeypatch, prm, "prm", event, other)
    assert "in the broker" in concord("list").output
    assert '"name": "Nordic"' in concord("show", event["id"]).output
    assert concord("drop", other["id"]).output.endswith("1 event dropped.\n")
    assert concord("replay", event["id"]).output == "1 event will be retried now.\n"
    assert states(prm) == {event["id"]: "waiting"}
    try_again(prm)
    assert concord("list").output == "No dead letters.\n"


def _raise_stop(_batch):
    raise StopIteration


def test_dropping_what_is_in_the_broker_lets_its_subject_go_on(notifier, monkeypatch):
    """An ordered subscriber would wait for it for ever."""
    subject = str(uuid4())
    one, two, three = (sample_event("prm.TierCreated.v1", {}, subject=subject, sequence=number) for number in (1, 2, 3))
    consumer, retries = log_of(notifier)
    consumer.handle([message_of(one)])
    die_of(monkeypatch, notifier, "notifier.log", two)
    consumer.handle([message_of(three)])
    dropped = CliRunner().invoke(main, ["dead", "--subscriber", "notifier.log", "drop", two["id"]])
    assert "event dropped" in dropped.output
    assert dropped.output.endswith("1 event dropped.\n")
    retries.sweep()
    with acting_as(SYSTEM), notifier.database.read() as session:
        logged = session.scalars(select(LoggedEvent.event_id).order_by(LoggedEvent.position)).all()
    assert [str(event_id) for event_id in logged] == [one["id"], three["id"]]


def log_of(notifier):
    """The consumer and the retries of the event log."""
    [log] = [subscriber for subscriber in notifier.service.listeners if subscriber.name == "notifier.log"]
    return Consumer(log, notifier.database, None), Retries(log, notifier.database, None)


def events_of(event_type, subject, *sequences):
    return [sample_event(event_type, {}, subject=subject, sequence=number) for number in sequences]


def logged(notifier):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return [str(id) for id in session.scalars(select(LoggedEvent.event_id).order_by(LoggedEvent.position))]


def dead(*words):
    return CliRunner().invoke(main, ["dead", "--subscriber", "notifier.log", *words], catch_exceptions=False)


def test_dropping_what_one_source_told_leaves_the_other_source_held(notifier, monkeypatch):
    """D63: both have told of the tenant, and of both the first event killed its consumers."""
    subject, (consumer, retries) = str(uuid4()), log_of(notifier)
    click, later_click = events_of("affiliates.ClickRecorded.v1", subject, 1, 2)
    name, later_name = events_of("identity.TenantChanged.v2", subject, 1, 2)
    die_of(monkeypatch, notifier, "notifier.log", click)
    die_of(monkeypatch, notifier, "notifier.log", name)
    consumer.handle([message_of(later_click), message_of(later_name)])
    assert dead("drop", click["id"]).output.endswith("1 event dropped.\n")
    retries.sweep()
    assert logged(notifier) == [later_click["id"]]
    assert dead("replay", name["id"]).output == "1 event will be retried now.\n"
    retries.retry_one()
    assert logged(notifier) == [later_click["id"], name["id"], later_name["id"]]
    consumer.handle([message_of(click)])
    assert click["id"] not in dead("list").output, "what was dropped stays so"


def test_an_event_whose_number_has_been_is_listed_and_replayed_by_force_alone(notifier):
    subject, (consumer, retries) = str(uuid4()), log_of(notifier)
    one, two, stranger = (
        *events_of("identity.TenantChanged.v2", subject, 1, 2),
        *events_of("identity.UserAdded.v1", subject, 1),
    )
    consumer.handle([message_of(one), message_of(two)])
    consumer.handle([message_of(stranger)])
    assert "Displaced: the subscriber has had number 1" in dead("list").output
    dead("replay", stranger["id"])
    retries.retry_one()
    assert (logged(notifier), stranger["id"] in dead("list").output) == ([one["id"], two["id"]], True)
    assert "event forced" in dead("replay", "--all", "--force").output
    retries.retry_one()
    assert logged(notifier) == [one["id"], two["id"], stranger["id"]]
    assert dead("list").output == "No dead letters.\n"


def test_what_is_published_again_is_absorbed_source_by_source(notifier):
    """As ``concord events republish`` does it for one service: nothing twice, nothing dead."""
    subject, (consumer, _) = str(uuid4()), log_of(notifier)
    clicks, names = (
        events_of(kind, subject, 1, 2) for kind in ("affiliates.ClickRecorded.v1", "identity.TenantChanged.v2")
    )
    consumer.handle([message_of(event) for event in (*clicks, *names)])
    consumer.handle([message_of(event) for event in names])
    consumer.handle([message_of(event) for event in clicks])
    assert logged(notifier) == [event["id"] for event in (*clicks, *names)]
    assert dead("list").output == "No dead letters.\n"


def test_what_came_without_an_id_of_the_brokers_is_known_by_its_own(prm, monkeypatch):
    event = tenant_changed()
    monkeypatch.setattr(f"{__name__}.message_of", lambda event: Message("", event["type"], json.dumps(event).encode()))
    die_of(monkeypatch, prm, "prm", event)
    assert event["id"] in concord("list").output
    assert concord("replay", event["id"]).output == "1 event will be retried now.\n"


def test_a_command_that_says_nothing_changes_nothing(prm):
    assert concord("replay").exit_code == 2
    assert concord("show", "unknown").exit_code == 1
    unknown = CliRunner().invoke(main, ["dead", "--subscriber", "nobody", "list"])
    assert "no subscriber" in unknown.output


def test_a_name_in_the_database_is_what_the_event_said(prm):
    """Replaying is handling: the effect is there, once."""
    event = tenant_changed("Fjord")
    fail(prm, event)
    concord("replay", "--all")
    try_again(prm)
    with acting_as(SYSTEM), prm.database.read() as session:
        assert session.scalar(select(func.count()).select_from(TenantName)) == 1
