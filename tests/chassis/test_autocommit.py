"""Statements that are a transaction of their own: committed at once, and sent again when the connection is lost."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from chassis.core.principal import Principal, acting_as
from tests.chassis.sample import Note, service

SYSTEM = Principal.system("sample")
NOTES = Note.__table__
RENAME = update(NOTES).where(NOTES.c.id == bindparam("note")).values(title=bindparam("to"))
OTHERS = {"tenant_id": UUID(int=1), "version": 1, "event_sequence": 0}
WRITE = insert(NOTES).values(id=bindparam("note"), title=bindparam("to"), **OTHERS)


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def note(sample):
    note_id = uuid4()
    with acting_as(SYSTEM), sample.database.begin() as session:
        session.add(Note(id=note_id, tenant_id=UUID(int=1), title="One"))
    return note_id


def titles(sample):
    with acting_as(SYSTEM), sample.database.read() as session:
        return sorted(session.scalars(select(Note.title)))


def cut_other_connections(database):
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
    with database.engine.connect() as connection:
        connection.exec_driver_sql(f"{others} AND pid <> pg_backend_pid()")


def test_a_statement_is_committed_and_returns_how_many_rows_it_touched(sample, note):
    for to in ("Two", "Three 🌷 'quoted'"):
        assert sample.database.run(RENAME, {"note": note, "to": to}) == 1
        assert titles(sample) == [to]
    assert sample.database.run(RENAME, {"note": uuid4(), "to": "Four"}) == 0


def test_an_error_is_raised_and_the_next_statement_is_carried_out(sample, note):
    with pytest.raises(IntegrityError):
        sample.database.run(WRITE, {"note": note, "to": "Again"})
    assert sample.database.run(WRITE, {"note": uuid4(), "to": "Another"}) == 1
    assert titles(sample) == ["Another", "One"]


def test_a_statement_is_sent_again_when_its_connection_is_lost(sample, note):
    if sample.database.dialect != "postgresql":
        pytest.skip("a file is never lost")
    sample.database.run(RENAME, {"note": note, "to": "Two"})
    cut_other_connections(sample.database)
    assert sample.database.run(RENAME, {"note": note, "to": "Three"}) == 1
    assert titles(sample) == ["Three"]


def test_a_statement_that_loses_every_connection_raises(sample):
    if sample.database.dialect != "postgresql":
        pytest.skip("a file is never lost")
    with pytest.raises(OperationalError) as lost:
        sample.database.run(text("SELECT pg_terminate_backend(pg_backend_pid())"), {})
    assert lost.value.connection_invalidated


def test_its_connection_is_closed_with_the_database(sample, note):
    sample.database.run(RENAME, {"note": note, "to": "Two"})
    assert sample.database.engine.pool.checkedout() == 1
    sample.database.close()
    assert sample.database.engine.pool.checkedout() == 0
