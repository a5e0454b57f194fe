"""A sequence belongs to source and subject (D63), and nothing that was never handled passes for a duplicate."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from chassis.core import metrics
from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.messaging import retry_table
from chassis.messaging.broker import Message
from chassis.messaging.events import Drop, Series, parse
from chassis.messaging.inbox import KEEP_INBOX, trim_inbox
from chassis.messaging.resequencer import SETTLE, AheadRow, select_cursors
from chassis.messaging.retry_table import DEAD, WAITING
from tests.chassis.sample import Heard, ahead_row, service
from tests.plugin import sample_event, value_of

SYSTEM = Principal.system("sample")
TENANT = UUID(int=7)
HISTORY = service.subscribers[0]
LITERAL = {"literal_binds": True, "render_postcompile": True}


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def retries(sample):
    return sample.retries[HISTORY]


def events_of(source, *sequences, **data):
    """Events of a service about the tenant."""
    return [sample_event(f"{source}.Thing.v1", data, subject=str(TENANT), sequence=n) for n in sequences]


def heard(sample, *events):
    """Which of these events took effect, in the order in which they did."""
    names = {UUID(event["id"]): (event["source"].rpartition("/")[2], event["sequence"]) for event in events}
    with acting_as(SYSTEM), sample.database.read() as session:
        return [names[event_id] for event_id in session.scalars(select(Heard.event_id).order_by(Heard.id))]


def waiting(sample):
    with acting_as(SYSTEM), sample.database.read() as session:
        rows = select(AheadRow.source, AheadRow.sequence).order_by(AheadRow.source, AheadRow.sequence)
        return [(source.rpartition("/")[2], sequence) for source, sequence in session.execute(rows)]


def message_of(event):
    return Message(event["id"], event["type"], json.dumps(event).encode())


def alarms():
    return value_of(metrics.events_displaced.labels(HISTORY.name))


def test_two_sources_number_one_subject_each_for_itself(sample):
    """D63: of three clicks and two renames of one merchant nothing is lost."""
    clicks, renames = events_of("affiliates", 1, 2, 3), events_of("identity", 1, 2)
    sample.deliver(*clicks)
    sample.deliver(*renames)
    assert heard(sample, *clicks, *renames) == [
        *(("affiliates", 1), ("affiliates", 2), ("affiliates", 3)),
        *(("identity", 1), ("identity", 2)),
    ]
    assert sample.retry_rows() == []


def test_two_sources_interleaved_in_one_batch(sample):
    clicks, renames = events_of("affiliates", 1, 2), events_of("identity", 1, 2)
    sample.deliver(renames[1], clicks[0], renames[0], clicks[1])
    taken = heard(sample, *clicks, *renames)
    assert sorted(taken) == [("affiliates", 1), ("affiliates", 2), ("identity", 1), ("identity", 2)]
    for source in ("affiliates", "identity"):
        assert [place for place in taken if place[0] == source] == [(source, 1), (source, 2)]


def test_waiting_events_of_two_sources_stand_beside_each_other(sample):
    clicks, renames = events_of("affiliates", 1, 2, 3), events_of("identity", 1, 2, 3)
    sample.deliver(clicks[1], renames[1], clicks[2])
    assert (heard(sample), waiting(sample)) == ([], [("affiliates", 2), ("affiliates", 3), ("identity", 2)])
    sample.deliver(clicks[0])
    assert heard(sample, *clicks) == [("affiliates", 1), ("affiliates", 2), ("affiliates", 3)]
    assert waiting(sample) == [("identity", 2)]
    sample.deliver(renames[2], renames[0])
    assert heard(sample, *clicks, *renames)[3:] == [("identity", 1), ("identity", 2), ("identity", 3)]
    assert waiting(sample) == []


def test_a_failure_of_one_source_does_not_hold_the_other(sample):
    [bad], later = events_of("identity", 1, hear="fail"), events_of("identity", 2)
    clicks = events_of("affiliates", 1, 2)
    sample.deliver(bad, *later, *clicks)
    assert (heard(sample, *clicks), waiting(sample)) == ([("affiliates", 1), ("affiliates", 2)], [("identity", 2)])
    [row] = sample.retry_rows()
    assert (row.state, row.event_id) == (WAITING, bad["id"])


def test_giving_up_an_event_of_one_source_lets_that_source_go_on(sample, retries):
    [bad], later = events_of("identity", 1, hear="drop"), events_of("identity", 2)
    clicks = events_of("affiliates", 2)
    sample.deliver(bad, *later, *clicks)
    with acting_as(SYSTEM), sample.database.begin() as session:
        retry_table.drop(session, sample_row(session, bad), ordered=True)
    assert retries.sweep()
    assert (heard(sample, *later), waiting(sample)) == ([("identity", 2)], [("affiliates", 2)])


def sample_row(session, event):
    [row] = retry_table.find(session, HISTORY.name, event_id=event["id"])
    return row


def test_a_late_subscriber_begins_with_each_source_by_itself(sample, retries, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    clicks, renames = events_of("affiliates", 70, 71), events_of("identity", 4, 5)
    sample.deliver(*clicks)
    time_machine.shift(SETTLE - timedelta(seconds=5))
    sample.deliver(renames[1])
    time_machine.shift(timedelta(seconds=6))
    retries.sweep()
    assert heard(sample, *clicks) == [("affiliates", 70), ("affiliates", 71)]
    sample.deliver(renames[0])
    time_machine.shift(SETTLE)
    retries.sweep()
    assert heard(sample, *clicks, *renames)[2:] == [("identity", 4), ("identity", 5)]


def test_a_replay_by_force_of_one_source_leaves_the_other_where_it_is(sample):
    [bad], clicks = events_of("identity", 1, hear="drop"), events_of("affiliates", 1, 2)
    sample.deliver(bad, clicks[0])
    with acting_as(SYSTEM), sample.database.begin() as session:
        row = sample_row(session, bad)
        row.body = json.dumps(bad | {"data": {}})
        retry_table.replay(session, row, utcnow(), force=True)
    sample.retry_all()
    sample.deliver(clicks[1], *events_of("identity", 2, hear="fail"))
    assert heard(sample, bad, *clicks) == [("affiliates", 1), ("identity", 1), ("affiliates", 2)]
    assert [row.sequence for row in sample.retry_rows()] == [2], "it was identity's turn to go on with 2"


def test_cursors_are_found_by_their_key_however_many_there_are(sample):
    if sample.database.dialect == "postgresql":
        pytest.skip("PostgreSQL reads a small table whole, whatever indexes it has")
    series = [Series(f"/services/{source}", uuid4()) for source in ("identity", "affiliates") for _ in range(3)]
    cursors = select_cursors(HISTORY.name, series)
    statement = str(cursors.compile(sample.database.engine, compile_kwargs=LITERAL))
    with sample.database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
    assert "(consumer=? AND source=? AND subject=?)" in plan[0][3]


# What is dropped as known must be known


def test_another_event_with_a_number_that_has_been_is_a_dead_letter_and_an_alarm(sample, caplog):
    before = alarms()
    sample.deliver(*events_of("identity", 1, 2))
    [stranger] = events_of("identity", 2)
    sample.deliver(stranger)
    [row] = sample.retry_rows()
    assert (row.state, row.event_id) == (DEAD, stranger["id"])
    assert "had number 2 of /services/identity already, but not this event" in row.error
    assert alarms() == before + 1
    assert [record.levelname for record in caplog.records if "never handled" in record.getMessage()] == ["ERROR"]


def test_two_events_with_one_number_in_a_batch_are_not_one(sample):
    first, second = events_of("identity", 1, 1)
    sample.deliver(first, second)
    assert heard(sample, first) == [("identity", 1)]
    assert [row.event_id for row in sample.retry_rows()] == [second["id"]]


def test_two_events_that_wait_with_one_number_are_not_one(sample):
    before = alarms()
    first, second = events_of("identity", 2, 2)
    sample.deliver(first)
    sample.deliver(second)
    sample.deliver(first)
    assert waiting(sample) == [("identity", 2)]
    assert [row.event_id for row in sample.retry_rows()] == [second["id"]]
    assert alarms() == before + 1


def test_a_waiting_event_whose_number_another_one_took_is_a_dead_letter(sample, retries):
    before = alarms()
    one, two, other_two = *events_of("identity", 1, 2), *events_of("identity", 2)
    sample.deliver(one, two)
    with acting_as(SYSTEM), sample.database.begin() as session:  # one that had waited behind a long row
        session.add(ahead_row(HISTORY, other_two))
    retries.sweep()
    assert heard(sample, one, two) == [("identity", 1), ("identity", 2)]
    assert [(row.state, row.event_id) for row in sample.retry_rows()] == [(DEAD, other_two["id"])]
    assert (waiting(sample), alarms()) == ([], before + 1)


def test_a_true_duplicate_is_quiet(sample):
    before = alarms(), value_of(metrics.events_duplicate.labels(HISTORY.name))
    [event] = events_of("identity", 1)
    sample.deliver(event, event)
    sample.deliver(event)
    assert (alarms(), sample.retry_rows()) == (before[0], [])
    assert value_of(metrics.events_duplicate.labels(HISTORY.name)) == before[1] + 2


def test_what_was_given_up_is_a_duplicate_when_it_comes_again(sample):
    before = alarms()
    [bad] = events_of("identity", 1, hear="drop")
    sample.deliver(bad)
    with acting_as(SYSTEM), sample.database.begin() as session:
        retry_table.drop(session, sample_row(session, bad), ordered=True)
    sample.deliver(bad, *events_of("identity", 2))
    assert (sample.retry_rows(), alarms()) == ([], before)


def test_what_the_inbox_has_forgotten_is_a_dead_letter_when_it_comes_again(sample, time_machine):
    """It may have been handled, or not: nobody can say any more. Nothing of ours replays what is so old."""
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    [event] = events_of("identity", 1)
    sample.deliver(event)
    time_machine.shift(KEEP_INBOX + timedelta(days=1))
    with acting_as(SYSTEM), sample.database.begin() as session:
        assert trim_inbox(session) == 1
    sample.deliver(event)
    assert heard(sample, event) == [("identity", 1)], "not a second time"
    [row] = sample.retry_rows()
    assert (row.state, "longer ago than the inbox remembers" in row.error) == (DEAD, True)
    with acting_as(SYSTEM), sample.database.begin() as session:
        retry_table.replay(session, row, utcnow())
    sample.retry_all()
    assert [row.state for row in sample.retry_rows()] == [DEAD], "only by force"


def test_a_displaced_event_is_handled_by_force(sample):
    sample.deliver(*events_of("identity", 1, 2))
    [stranger] = events_of("identity", 1)
    sample.deliver(stranger)
    with acting_as(SYSTEM), sample.database.begin() as session:
        assert retry_table.replay(session, sample_row(session, stranger), utcnow(), force=True)
    sample.retry_all()
    with acting_as(SYSTEM), sample.database.read() as session:
        assert session.scalar(select(Heard.event_id).order_by(Heard.id.desc()).limit(1)) == UUID(stranger["id"])
    sample.deliver(stranger)
    assert sample.retry_rows() == []


# Whose numbers they are


@pytest.mark.parametrize("source", [None, "", 7, "/services/affiliates", "identity", "/services/identity/"])
def test_an_event_whose_source_does_not_publish_its_type_is_no_event_of_ours(source):
    event = sample_event("identity.TenantChanged.v2", {}) | {"source": source}
    with pytest.raises(Drop, match="not an event of ours"):
        parse(json.dumps(event).encode())


def test_an_event_without_a_source_is_a_dead_letter(sample):
    [event] = events_of("identity", 1)
    del event["source"]
    sample.deliver(event)
    [row] = sample.retry_rows()
    assert (row.state, "source" in row.error) == (DEAD, True)
    sample.deliver(*events_of("identity", 1))
    assert [row.event_id for row in sample.retry_rows()] == [event["id"]]


@pytest.mark.parametrize("event_type", ["Thing", "", "UP.Thing.v1", ".Thing.v1", "a\x00b.Thing.v1"])
def test_a_type_that_names_no_service_is_no_event_of_ours(event_type):
    event = sample_event("other.Thing.v1", {}) | {"type": event_type, "source": f"/services/{event_type}"}
    with pytest.raises(Drop, match="not an event of ours"):
        parse(json.dumps(event).encode())
