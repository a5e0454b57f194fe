"""The chassis' migrations: what was there keeps its meaning, code from before goes on, and several may try at once."""

import subprocess
import sys
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from chassis.core.clock import utcnow
from chassis.data import migrate
from chassis.data.database import Database
from chassis.messaging.inbox import InboxRow
from chassis.messaging.resequencer import AheadRow, CursorRow
from chassis.messaging.retry_table import RetryRow
from privacy.erasures import ErasureRow
from tests.chassis.sample import service
from tests.plugin import postgres_database

BEFORE = "chassis_0001"


@pytest.fixture
def engine(dialect, tmp_path):
    if dialect == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/sample.db")
        yield engine
        engine.dispose()
        return
    with postgres_database() as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def move(engine, to, how=command.upgrade):
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        how(config, to)
        connection.commit()


def insert_as_before(engine, event_id):
    """What code of the schema before writes."""
    now = utcnow()
    inbox = {"event_id": event_id if engine.dialect.name == "postgresql" else event_id.hex, "now": now}
    with engine.begin() as connection:
        statement = "INSERT INTO inbox (event_id, handled_at) VALUES (:event_id, :now) ON CONFLICT DO NOTHING"
        new = connection.execute(text(statement), inbox).rowcount
        connection.execute(
            text(
                "INSERT INTO parked (event_id, type, body, state, attempts, error, parked_at, next_at)"
                " VALUES (:event_id, 'x.Y.v1', '{}', 'dead', 1, 'e', :now, :now) ON CONFLICT DO NOTHING"
            ),
            {"event_id": str(event_id), "now": now},
        )
    return new


def test_rows_from_before_belong_to_the_service_s_own_subscriber(engine):
    move(engine, BEFORE)
    event_id = uuid4()
    assert insert_as_before(engine, event_id) == 1
    migrate.upgrade(service, engine)
    with engine.connect() as connection:
        assert connection.execute(select(InboxRow.consumer, InboxRow.event_id)).all() == [("sample", event_id)]
        rows = connection.execute(select(RetryRow.consumer, RetryRow.event_id, RetryRow.forced)).all()
        assert rows == [("sample", str(event_id), False)]


def test_code_from_before_goes_on_with_the_new_schema(engine):
    migrate.upgrade(service, engine)
    event_id = uuid4()
    assert insert_as_before(engine, event_id) == 1
    assert insert_as_before(engine, event_id) == 0
    with engine.connect() as connection:
        assert connection.execute(select(InboxRow.consumer)).all() == [("sample",)]


BY_SUBJECT = "chassis_0003"


def insert_place(engine, table, subject, **columns):
    """A row of an ordered subscriber, as code of the schema before writes it."""
    row = {"consumer": "sample.history", "subject": subject if engine.dialect.name == "postgresql" else subject.hex}
    if table == "parked":
        row |= {"body": "{}", "state": "dead", "attempts": 1, "error": "e", "parked_at": utcnow(), "next_at": utcnow()}
    if table == "inbox_ahead":
        row |= {"event_id": row["subject"], "body": "{}", "since": utcnow()}
    row |= columns
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def cursors(engine):
    columns = (CursorRow.subject, CursorRow.source, CursorRow.first, CursorRow.last)
    with engine.connect() as connection:
        return {row.subject: tuple(row[1:]) for row in connection.execute(select(*columns))}


def test_a_cursor_from_before_belongs_to_the_source_of_what_it_holds(engine):
    """D63. Where two sources wait behind it, or none does, nobody can say whose it is."""
    move(engine, BY_SUBJECT)
    holding, failed, shared, idle = (uuid4() for _ in range(4))
    for subject in (holding, failed, shared, idle):
        insert_place(engine, "inbox_cursor", subject, first=1, last=4)
    insert_place(engine, "inbox_ahead", holding, sequence=6, type="identity.TenantChanged.v2")
    insert_place(engine, "parked", failed, event_id=str(failed), sequence=5, type="affiliates.ClickRecorded.v1")
    insert_place(engine, "inbox_ahead", shared, sequence=7, type="identity.TenantChanged.v2")
    insert_place(engine, "parked", shared, event_id=str(shared), sequence=5, type="affiliates.ClickRecorded.v1")
    migrate.upgrade(service, engine)
    assert cursors(engine) == {
        holding: ("/services/identity", 1, 4),
        failed: ("/services/affiliates", 1, 4),
        shared: ("", 1, 4),
        idle: ("", 1, 4),
    }
    with engine.connect() as connection:
        waiting = connection.execute(select(AheadRow.subject, AheadRow.source)).all()
    assert sorted(waiting) == sorted((subject, "/services/identity") for subject in (holding, shared))


def test_an_ordered_subscriber_from_before_stands_still(engine):
    """It must not go on by subject alone: what it cannot write it does not acknowledge."""
    migrate.upgrade(service, engine)
    with pytest.raises(IntegrityError):
        insert_place(engine, "inbox_cursor", uuid4())
    assert cursors(engine) == {}


def test_the_way_back_keeps_the_furthest_cursor_of_a_subject(engine):
    migrate.upgrade(service, engine)
    subject = uuid4()
    for source, last in (("/services/identity", 3), ("/services/affiliates", 9)):
        insert_place(engine, "inbox_cursor", subject, source=source, first=1, last=last)
        insert_place(engine, "inbox_ahead", subject, source=source, sequence=11, type=f"{source[10:]}.Y.v1")
    move(engine, "chassis_0003", command.downgrade)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT first, last FROM inbox_cursor")).all() == [(1, 9)]
        assert connection.execute(text("SELECT sequence FROM inbox_ahead")).all() == [(11,)]
    migrate.upgrade(service, engine)
    assert cursors(engine) == {subject: ("/services/identity", 1, 9)}


def test_the_way_back_forgets_each_person_by_one_address(engine):
    migrate.upgrade(service, engine)
    person, tenant, now = uuid4(), uuid4(), utcnow()
    more = {"tenant_id": tenant, "passes": 0, "table_number": 0, "next_at": now}
    with engine.begin() as connection:
        for digest in ("a", "b"):
            connection.execute(ErasureRow.__table__.insert(), {"user_id": person, "email_digest": digest, **more})
    move(engine, "chassis_0005", command.downgrade)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT email_digest FROM erasures")).scalars().all() == ["a"]
    assert inspect(engine).get_pk_constraint("erasures")["constrained_columns"] == ["user_id"]
    migrate.upgrade(service, engine)
    assert migrate.is_current(service, engine)


def test_there_is_a_way_back(engine):
    migrate.upgrade(service, engine)
    insert_as_before(engine, uuid4())
    move(engine, BEFORE, command.downgrade)
    assert "inbox_cursor" not in inspect(engine).get_table_names()
    assert inspect(engine).get_pk_constraint("inbox")["constrained_columns"] == ["event_id"]
    assert insert_as_before(engine, uuid4()) == 1
    migrate.upgrade(service, engine)
    assert migrate.is_current(service, engine)


UPGRADE = """
import sys
from chassis.data import migrate
from chassis.data.database import Database
from tests.chassis.sample import service
migrate.upgrade(service, Database(sys.argv[1]).engine)
"""


def test_several_processes_may_migrate_at_once(engine):
    url = engine.url.render_as_string(hide_password=False)
    Database(url).engine.connect().close()  # the file is there: two that make it race for its mode
    command = [sys.executable, "-c", UPGRADE, url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", ""]
    assert migrate.is_current(service, engine)


def test_folded_texts_are_filled_whatever_their_number(engine):
    """D62; a text that is null stays so."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT, word_folded TEXT)"))
        rows = [{"id": number, "word": None if number == 7 else f"МОСКВА {number}"} for number in range(2500)]
        connection.execute(text("INSERT INTO words (id, word) VALUES (:id, :word)"), rows)
        migrate.fill_folded(connection, "words", "word", "word_folded")
        folded = dict(connection.execute(text("SELECT id, word_folded FROM words")).tuples().all())
    assert folded == {number: None if number == 7 else f"москва {number}" for number in range(2500)}
