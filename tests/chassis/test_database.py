"""What follows a commit, and only a commit."""

from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import event

from chassis.core import metrics
from chassis.core.principal import Principal, acting_as
from chassis.data.unit_of_work import Unit, once_committed, outside_unit, savepoint
from tests.chassis.sample import service
from tests.plugin import sample_event, value_of

SYSTEM = Principal.system("sample")


class Failed(Exception):
    pass


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def done(sample):
    with acting_as(SYSTEM):
        yield []


def fail_with(session, done, word):
    with savepoint(session):
        once_committed(session, lambda: done.append(word))
        raise Failed


def test_it_is_done_after_the_commit(sample, done):
    with sample.database.begin() as session:
        once_committed(session, lambda: done.append("one"))
        with savepoint(session):
            once_committed(session, lambda: done.append("two"))
        assert done == []
    assert done == ["one", "two"]


def test_it_is_not_done_for_what_was_rolled_back(sample, done):
    with suppress(Failed), sample.database.begin() as session:
        once_committed(session, lambda: done.append("all"))
        raise Failed
    with sample.database.begin() as session:
        once_committed(session, lambda: done.append("one"))
        with suppress(Failed):
            fail_with(session, done, "part")
    assert done == ["one"]


@pytest.mark.parametrize("commits", [True, False])
def test_a_units_commit_is_the_one_that_counts(sample, done, commits):
    with Unit(lambda _session: None).entered() as unit:
        with sample.database.begin() as session:
            once_committed(session, lambda: done.append("one"))
        assert done == []
        if commits:
            unit.commit()
    assert done == (["one"] if commits else [])


def test_an_event_tried_again_counts_once_its_effect_is_committed(sample, done):
    sample.deliver(bad := sample_event("sample.NoteWritten.v1", {"title": "fail"}))
    with sample.database.begin() as session:
        session.connection().exec_driver_sql("UPDATE parked SET body = replace(body, '\"fail\"', '\"well\"')")
    handled = partial(value_of, metrics.events_handled.labels("sample", bad["type"]))

    def refuse(connection):
        if not connection.get_execution_options().get("concord_read"):
            raise Failed

    before, [retries, *_] = handled(), sample.retries.values()
    with sample.database.begin() as session:
        session.connection().exec_driver_sql("UPDATE parked SET next_at = '2026-01-01 00:00:00+00:00'")
    event.listen(sample.database.engine, "commit", refuse)
    try:
        with suppress(Failed):
            retries.retry_one()
    finally:
        event.remove(sample.database.engine, "commit", refuse)
    assert handled() == before
    assert retries.retry_one()
    assert handled() == before + 1


def test_what_is_written_outside_a_unit_stays_when_the_unit_fails(sample, done):
    with suppress(Failed), Unit(lambda _session: None).entered():
        with outside_unit(), sample.database.begin() as session:
            once_committed(session, lambda: done.append("outside"))
        assert done == ["outside"]
        with sample.database.begin() as session:
            once_committed(session, lambda: done.append("inside"))
        raise Failed
    assert done == ["outside"]


def test_nothing_is_written_outside_a_unit_that_has_begun(sample, done):
    """On SQLite it would wait for the unit, and the unit for it."""
    with Unit(lambda _session: None).entered():
        with sample.database.begin():
            pass
        with pytest.raises(RuntimeError), outside_unit():
            done.append("never")
    assert done == []
