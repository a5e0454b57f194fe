"""An event's way: outbox with the change, relay, inbox with the effect, the retry table after failures."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import InternalError, OperationalError
from uuid_utils.compat import uuid7

from chassis.core import backoff, metrics
from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.messaging import outbox, relay
from chassis.messaging.broker import BrokerUnavailable, Message, connect
from chassis.messaging.consumer import Consumer
from chassis.messaging.outbox import OutboxRow
from chassis.messaging.relay import Relay
from chassis.messaging.retry_table import DEAD, WAITING
from contracts.roles import Role
from tests.chassis.sample import Note, NoteWritten, service
from tests.plugin import principal, sample_event, value_of

ANNA = principal(Role.SUPPLIER_ADMIN)
SYSTEM = Principal.system("sample")


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def anna(sample):
    return sample.client(ANNA)


class MemoryBroker:
    """Confirms what it is told to; remembers everything it was sent."""

    def __init__(self):
        self.published = []
        self.accept = 10**9
        self.away = False

    def publish(self, messages):
        if self.away:
            raise BrokerUnavailable("away")
        confirmed = list(messages)[: self.accept]
        self.published += confirmed
        return len(confirmed)


@pytest.fixture
def broker():
    return MemoryBroker()


@pytest.fixture
def a_relay(sample, broker):
    return Relay("sample", sample.database, broker)


def write(client, *titles):
    for title in titles:
        assert client.post("/notes", json={"title": title}).status_code == 201


def rows(sample):
    with acting_as(SYSTEM), sample.database.read() as session:
        return session.scalars(select(OutboxRow).order_by(OutboxRow.id)).all()


def notes(sample):
    with acting_as(SYSTEM), sample.database.read() as session:
        return sorted(session.scalars(select(Note.title)))


def test_the_envelope_is_cloudevents_in_structured_json(anna, sample):
    note = anna.post("/notes", json={"title": "Hi"}, headers={"X-Request-Id": "r-1"}).json
    (event,) = sample.events()
    assert event["specversion"] == "1.0"
    assert event["type"] == "sample.NoteWritten.v1"
    assert event["source"] == "/services/sample"
    assert event["subject"] == note["id"]
    assert event["sequence"] == 1
    assert event["tenantids"] == str(ANNA.tenant_id)
    assert event["actorid"] == str(ANNA.user_id)
    assert event["correlationid"] == "r-1"
    assert event["time"].endswith("Z")
    assert event["data"] == {"noteId": note["id"], "title": "Hi"}


def test_a_refused_request_leaves_no_event_and_no_audit(anna, sample):
    assert anna.post("/notes", json={"title": "refuse me"}).status_code == 409
    assert sample.events() == []


def test_an_event_goes_with_the_change_it_tells_of(sample):
    """The transaction fails after the event was added: neither is there."""
    note = Note(id=uuid7(), tenant_id=ANNA.tenant_id, title="x", event_sequence=0)

    def write_and_fail():
        with acting_as(SYSTEM), sample.database.begin() as session:
            session.add(note)
            event = NoteWritten(note.id, note.title)
            outbox.add(session, note, event, tenants=(note.tenant_id,), actor=ANNA, now=utcnow())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert notes(sample) == []
    assert sample.events() == []


def test_the_relay_publishes_in_order_and_marks_what_was_confirmed(anna, sample, a_relay, broker):
    write(anna, "a", "b", "c")
    assert a_relay.publish_batch() == 3
    assert [json.loads(m.body)["data"]["title"] for m in broker.published] == ["a", "b", "c"]
    assert a_relay.publish_batch() == 0
    assert all(row.sent_at for row in rows(sample))


def test_a_refused_row_stops_the_batch_and_is_tried_again(anna, sample, a_relay, broker):
    write(anna, "a", "b", "c")
    broker.accept = 1
    with pytest.raises(BrokerUnavailable):
        a_relay.publish_batch()
    first, second, third = rows(sample)
    assert first.sent_at
    assert not second.sent_at
    assert (second.attempts, third.attempts) == (1, 0)
    assert "refused" in second.last_error
    broker.accept = 10
    assert a_relay.publish_batch() == 2
    assert [m.id for m in broker.published] == [str(row.event_id) for row in rows(sample)]


def test_with_the_broker_away_requests_go_on_and_events_wait(anna, sample, a_relay, broker):
    broker.away = True
    write(anna, "a")
    with pytest.raises(BrokerUnavailable):
        a_relay.publish_batch()
    with acting_as(SYSTEM), sample.database.read() as session:
        assert relay.backlog(session)[0] == 1
    broker.away = False
    assert a_relay.publish_batch() == 1


def test_only_one_relay_works_at_a_time_and_it_keeps_no_writer_waiting(anna, sample, broker):
    """A second relay and a request come by while the first one waits for the broker."""
    second = Relay("sample", sample.database, broker)
    outcomes = []

    class SlowBroker:
        def publish(self, messages):
            outcomes.append(second.publish_batch())
            request = threading.Thread(target=write, args=(anna, "meanwhile"))
            request.start()
            request.join(10)
            outcomes.append(request.is_alive())
            return broker.publish(messages)

    write(anna, "a")
    assert Relay("sample", sample.database, SlowBroker()).publish_batch() == 1
    assert outcomes == [0, False]
    assert second.publish_batch() == 1
    assert len(broker.published) == 2


def test_sent_rows_go_after_a_day_unsent_never(anna, sample, a_relay, broker, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z")
    write(anna, "sent")
    a_relay.publish_batch()
    write(anna, "unsent")
    time_machine.move_to("2026-04-02T00:00:01Z")
    with acting_as(SYSTEM), sample.database.begin() as session:
        assert relay.trim_sent(session) == 1
    assert [row.sent_at for row in rows(sample)] == [None]


def test_a_redelivered_event_takes_effect_once(sample):
    event = sample_event("sample.NoteWritten.v1", {"noteId": str(uuid4()), "title": "x"})
    sample.deliver(event, event)
    sample.deliver(event)
    assert notes(sample) == ["copy of x"]


def test_fields_added_later_do_not_matter(sample):
    sample.deliver(sample_event("sample.NoteWritten.v1", {"title": "x", "colour": "new"}))
    assert notes(sample) == ["copy of x"]


def test_a_failing_event_is_stored_for_a_retry_and_delays_no_other(sample):
    good, bad = (sample_event("sample.NoteWritten.v1", {"title": title}) for title in ("x", "fail"))
    sample.deliver(good, bad, sample_event("sample.NoteWritten.v1", {"title": "y"}))
    assert notes(sample) == ["copy of x", "copy of y"]
    (row,) = sample.retry_rows()
    assert (row.event_id, row.state, row.attempts) == (bad["id"], WAITING, 1)
    assert row.error == "RuntimeError: asked to"


def test_a_failed_event_is_tried_eight_times_then_it_is_dead(sample):
    sample.deliver(sample_event("sample.NoteWritten.v1", {"title": "fail"}))
    for _ in range(7):
        assert sample.retry_rows()[0].state == WAITING
        waits = sample.retry_rows()[0].next_at - utcnow()
        assert timedelta(0) < waits <= timedelta(hours=1)
        sample.retry_all()
    (dead,) = sample.retry_rows()
    assert (dead.state, dead.attempts) == (DEAD, 8)


def mended(handle):
    """The subscriber with a handler that no longer fails."""
    return replace(service.listeners[0], subscriptions=(replace(service.subscriptions[0], handle=handle),))


def test_a_failed_event_that_succeeds_later_takes_effect_once(sample):
    event = sample_event("sample.NoteWritten.v1", {"title": "fail"})
    sample.deliver(event)
    sample.retry_all(mended(lambda session, event: None))
    assert sample.retry_rows() == []
    sample.deliver(event)
    assert sample.retry_rows() == []


def test_a_failed_event_keeps_its_id_when_it_is_tried_again(sample):
    """So a copy that the broker delivers later is known, and what failed at first does take effect."""
    event = sample_event("sample.NoteWritten.v1", {"title": "fail"})
    sample.deliver(event)
    sample.retry_all(mended(lambda session, event: session.add(_note_of(event))))
    sample.deliver(event)
    assert notes(sample) == ["fail"]


def _note_of(event):
    return Note(id=uuid7(), tenant_id=event.subject, title=event.data.title, event_sequence=0)


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b"{}", b'{"id": 1}', b"\xff\x00", b'{"id": "no uuid", "type": "x"}']
)
def test_what_is_no_event_is_dead_at_once(sample, body):
    sample.consumer.handle([Message("odd", "sample.NoteWritten.v1", body)])
    assert [(row.event_id, row.state) for row in sample.retry_rows()] == [("odd", DEAD)]


def test_failures_without_a_message_id_are_all_kept(sample):
    events = [sample_event("sample.NoteWritten.v1", {"title": "fail"}) for _ in range(2)]
    bodies = [json.dumps(event).encode() for event in events] + [b"rubbish", b"more rubbish"]
    sample.consumer.handle([Message("", "sample.\x00NoteWritten.v1", body) for body in bodies])
    ids = {row.event_id for row in sample.retry_rows()}
    assert len(ids) == 4
    assert {event["id"] for event in events} <= ids


def test_effects_are_counted_once_they_are_committed(sample):
    def count():
        return value_of(metrics.events_handled.labels("sample", "sample.NoteWritten.v1"))

    before = count()
    titles = ["x", "fail", "y"]
    sample.deliver(*(sample_event("sample.NoteWritten.v1", {"title": title}) for title in titles))
    assert count() - before == 2


def test_a_handler_may_drop_an_event_with_a_reason(sample):
    sample.deliver(sample_event("sample.NoteWritten.v1", {"title": "drop"}))
    sample.deliver(sample_event("sample.NoteWritten.v1", {"wrong": "shape"}))
    reasons = [(row.state, row.error) for row in sample.retry_rows()]
    assert reasons[0] == (DEAD, "Drop: asked to")
    assert reasons[1][0] == DEAD
    assert "title" in reasons[1][1]


READ_ONLY = "cannot set transaction read-write mode during recovery"


@pytest.mark.parametrize(
    "failure",
    [OperationalError(None, None, OSError("connection refused")), InternalError("BEGIN", None, OSError(READ_ONLY))],
)
def test_a_consumer_takes_no_message_while_its_database_takes_no_change(sample, monkeypatch, failure):
    """Each message given back comes closer to being a dead letter, and none of them has done anything wrong."""
    monkeypatch.setattr(backoff, "jitter", lambda _delay: 0.001)
    stop, asked, taken = threading.Event(), [], []

    class Away:
        read = sample.database.read

        def begin(self):
            asked.append(1)
            if len(asked) < 5:
                raise failure
            return sample.database.begin()

    class Broker(MemoryBroker):
        def declare(self, subscriber, types):
            taken.append(len(asked))

        def consume(self, subscriber, handle, *, stop, prefetch, batch):
            stop.set()

    Consumer(service.listeners[0], Away(), Broker()).run(stop)
    assert taken == [5]


def test_from_request_to_effect_over_a_real_broker(anna, sample, tmp_path):
    """The relay and the consumer at work in their threads, over the embedded broker."""
    url = f"embedded:///{tmp_path}/broker.db"
    consuming, publishing = connect(url, "consumer"), connect(url, "relay")
    consuming.declare("sample", ["sample.NoteWritten.v1"])
    stop, seen = threading.Event(), threading.Event()

    def handle(batch):
        sample.consumer.handle(batch)
        seen.set()

    threads = [
        threading.Thread(target=Relay("sample", sample.database, publishing).run, args=(stop,)),
        threading.Thread(target=consuming.consume, args=("sample", handle), kwargs={"stop": stop}),
    ]
    for thread in threads:
        thread.start()
    write(anna, "hello")
    assert seen.wait(10)
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    consuming.close()
    publishing.close()
    assert notes(sample) == ["copy of hello", "hello"]
