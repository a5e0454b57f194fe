"""Statements carried out while who sent them goes on: committed once asked for, whatever happens on the way."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from chassis.core.principal import Principal, acting_as
from chassis.data.asides import Aside
from chassis.data.unit_of_work import Unit
from tests.chassis.sample import Note, service

SYSTEM = Principal.system("sample")
RENAME = update(Note).where(Note.id == bindparam("note")).values(title=bindparam("to"))
GIVEN = {"tenant_id": UUID(int=1), "version": 1, "event_sequence": 0}
WRITE = insert(Note.__table__).values(id=bindparam("note"), title=bindparam("to"), **GIVEN)


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def postgres(sample):
    if sample.database.dialect != "postgresql":
        pytest.skip("SQLite carries a statement out before it returns")
    return sample


@pytest.fixture
def note(sample):
    note_id = uuid4()
    with acting_as(SYSTEM), sample.database.begin() as session:
        session.add(Note(id=note_id, tenant_id=UUID(int=1), title="One"))
    return note_id


@pytest.fixture
def aside(sample):
    kept = Aside(sample.database)
    yield kept
    kept.close()


def titles(sample):
    with acting_as(SYSTEM), sample.database.read() as session:
        return list(session.scalars(select(Note.title)))


def carry_out(aside, statement, values):
    aside.start(statement, values)
    return aside.finish()


def cut(sample, *, but):
    """End every connection to the database except the one that asks, and except ``but``."""
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
    with sample.database.engine.connect() as connection:
        connection.exec_driver_sql(f"{others} AND pid NOT IN (pg_backend_pid(), {but})")


def test_a_finished_statement_is_committed_and_says_how_many_rows_it_touched(sample, aside, note):
    for to in ("Two", "Three 🌷 'quoted'"):
        assert carry_out(aside, RENAME, {"note": note, "to": to}) == 1
        assert titles(sample) == [to]
    assert carry_out(aside, RENAME, {"note": uuid4(), "to": "Four"}) == 0


def test_who_sent_a_statement_goes_on_while_it_waits_for_a_lock(postgres, aside, note):
    with acting_as(SYSTEM), postgres.database.begin() as session:
        session.get_one(Note, note, with_for_update=True)
        aside.start(RENAME, {"note": note, "to": "Two"})
        assert titles(postgres) == ["One"]
    assert aside.finish() == 1
    assert titles(postgres) == ["Two"]


def test_an_error_comes_to_who_asks_and_the_next_statement_is_carried_out(sample, aside, note):
    with pytest.raises(IntegrityError):
        carry_out(aside, WRITE, {"note": note, "to": "Again"})
    assert carry_out(aside, WRITE, {"note": uuid4(), "to": "Another"}) == 1
    assert sorted(titles(sample)) == ["Another", "One"]


def test_inside_a_unit_a_statement_is_part_of_it(sample, aside, note):
    """Also when statements outside of units came before, and left a connection."""
    assert carry_out(aside, RENAME, {"note": note, "to": "Two"}) == 1
    with acting_as(SYSTEM), Unit(lambda _session: None).entered():
        assert carry_out(aside, RENAME, {"note": note, "to": "Three"}) == 1
    assert titles(sample) == ["Two"]  # the unit was not committed
    assert carry_out(aside, RENAME, {"note": note, "to": "Four"}) == 1
    assert titles(sample) == ["Four"]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_statement_is_sent_again_when_its_connection_is_lost(postgres, aside, note, when):
    carry_out(aside, RENAME, {"note": note, "to": "Two"})
    with acting_as(SYSTEM), postgres.database.begin() as session:
        session.get_one(Note, note, with_for_update=True)
        locking = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        if when == "before":
            cut(postgres, but=locking)
        aside.start(RENAME, {"note": note, "to": "Three"})
        if when == "meanwhile":
            cut(postgres, but=locking)
    assert aside.finish() == 1
    assert titles(postgres) == ["Three"]


def test_a_statement_nobody_waited_for_leaves_nothing_behind(postgres, note):
    pool = postgres.database.engine.pool
    before = pool.checkedout()
    aside = Aside(postgres.database)
    aside.start(RENAME, {"note": note, "to": "Two"})
    aside.close()
    assert pool.checkedout() == before
    assert titles(postgres) in (["One"], ["Two"])


def test_lists_are_refused_for_they_have_no_fixed_number_of_parameters(postgres, aside, note):
    with pytest.raises(AssertionError, match="list"):
        aside.start(update(Note).where(Note.id.in_([note])).values(title="Two"), {})
