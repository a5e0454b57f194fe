"""What an operator can do about events that could not be handled: try them again, force them, give them up."""

import json
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.messaging import retry_table
from chassis.messaging.broker import Message
from chassis.messaging.retry_table import DEAD, WAITING, RetryRow
from tests.chassis.sample import Heard, service
from tests.plugin import sample_event

SYSTEM = Principal.system("sample")
THING = UUID(int=9)


@pytest.fixture
def sample(start_service):
    return start_service(service)


def event(sequence, subject=THING, **data):
    return sample_event("other.Thing.v1", data, subject=str(subject), sequence=sequence)


def heard(sample, subject=THING):
    with acting_as(SYSTEM), sample.database.read() as session:
        return list(session.scalars(select(Heard.sequence).where(Heard.subject == subject).order_by(Heard.id)))


def change(sample, what, event_id, **options):
    """Do ``what`` to a failed event of the ordered subscriber, in one transaction."""
    with acting_as(SYSTEM), sample.database.begin() as session:
        return what(session, session.get_one(RetryRow, ("sample.history", event_id)), **options)


def mend(sample, event_id):
    """As if the handler had been mended: the same event no longer asks for a failure."""

    def change_body(_session, row):
        row.body = row.body.replace('"drop"', '"well"').replace('"fail"', '"well"')

    change(sample, change_body, event_id)


def test_a_dead_event_holds_its_subject_until_it_is_replayed(sample):
    bad = event(1, hear="drop")
    sample.deliver(bad, event(2), event(3))
    assert [(row.state, row.sequence) for row in sample.retry_rows()] == [(DEAD, 1)]
    mend(sample, bad["id"])
    assert change(sample, retry_table.replay, bad["id"], now=utcnow())
    sample.retry_all()
    assert heard(sample) == [1, 2, 3]
    assert sample.retry_rows() == []


def test_a_replayed_event_that_fails_again_is_dead_again(sample):
    bad = event(1, hear="drop")
    sample.deliver(bad)
    change(sample, retry_table.replay, bad["id"], now=utcnow())
    assert [row.state for row in sample.retry_rows()] == [WAITING]
    sample.retry_all()
    assert [(row.state, row.attempts) for row in sample.retry_rows()] == [(DEAD, 1)]


def test_a_dropped_event_lets_its_subject_go_on(sample):
    bad = event(1, hear="drop")
    sample.deliver(bad, event(2), event(3))
    change(sample, retry_table.drop, bad["id"], ordered=True)
    sample.retry_all()
    assert heard(sample) == [2, 3]
    sample.deliver(bad)  # a copy that was still under way comes too late
    assert (heard(sample), sample.retry_rows()) == ([2, 3], [])


def test_what_was_handled_is_not_replayed_unless_forced(sample):
    """A copy was handled while the first one waited for a retry."""
    good = event(1)
    sample.deliver(good)
    with acting_as(SYSTEM), sample.database.begin() as session:
        retry_table.add(session, "sample.history", _message(good), RuntimeError("not now"))
    assert not change(sample, retry_table.replay, good["id"], now=utcnow())
    assert change(sample, retry_table.replay, good["id"], now=utcnow(), force=True)
    sample.retry_all()
    assert heard(sample) == [1, 1]
    sample.deliver(good)
    assert heard(sample) == [1, 1]


def test_a_forced_event_comes_out_of_its_turn(sample):
    bad = event(1, hear="fail")
    sample.deliver(bad, event(2))
    other = event(7, subject=uuid4())
    with acting_as(SYSTEM), sample.database.begin() as session:
        retry_table.add(session, "sample.history", _message(other), RuntimeError("not now"))
    change(sample, retry_table.replay, other["id"], now=utcnow(), force=True)
    sample.retry_all()
    assert heard(sample, UUID(other["subject"])) == [7]
    assert heard(sample) == []


def test_what_is_no_event_can_be_dropped_but_never_was_handled(sample):
    history = sample.consumers[service.subscribers[0]]
    history.handle([_message({"id": "odd", "type": "other.Thing.v1"}, b"rubbish")])
    assert change(sample, retry_table.replay, "odd", now=utcnow())
    change(sample, retry_table.drop, "odd", ordered=True)
    assert sample.retry_rows() == []


def test_they_are_found_by_subscriber_state_and_id(sample):
    bad, worse = event(1, hear="fail"), event(1, hear="drop", subject=uuid4())
    sample.deliver(bad, worse)
    with acting_as(SYSTEM), sample.database.read() as session:
        assert len(retry_table.find(session, "sample.history")) == 2
        assert [row.event_id for row in retry_table.find(session, "sample.history", state=DEAD)] == [worse["id"]]
        assert [row.state for row in retry_table.find(session, "sample.history", event_id=bad["id"])] == [WAITING]
        assert retry_table.find(session, "sample") == []


def _message(event, body=None):
    return Message(event["id"], event["type"], body or json.dumps(event).encode())


@pytest.mark.parametrize("sequence", [0, -1, 2**31, 10**30, float("inf"), float("nan"), None, "first"])
def test_a_number_that_no_event_can_have_harms_only_itself(sample, sequence):
    """Whoever published it, those that come with it are handled; a consumer that dies of it would take them along."""
    bad, good = event(sequence), event(1)
    sample.deliver(bad, good)
    assert [(row.event_id, row.state) for row in sample.retry_rows()] == [(bad["id"], DEAD)]
    assert heard(sample) == [1]
