"""Turns to write to a SQLite file: one writer at a time waits for the other, and no turn is lost."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from chassis.core.principal import Principal, acting_as
from chassis.data import sqlite
from chassis.data.database import Database

SYSTEM = Principal.system("test")
HOLD = """
import sys
from sqlalchemy import text
from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
with acting_as(Principal.system("test")), Database(sys.argv[1]).begin() as session:
    session.execute(text("INSERT INTO numbers VALUES (1)"))
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/numbers.db"


@pytest.fixture
def database(url):
    with acting_as(SYSTEM), closing(Database(url)) as database:
        with database.begin() as session:
            session.execute(text("CREATE TABLE numbers (number INTEGER)"))
        yield database


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)


def add(database):
    with acting_as(SYSTEM), database.begin() as session:
        session.execute(text("INSERT INTO numbers SELECT count(*) FROM numbers"))


def numbers(database):
    with database.read() as session:
        return list(session.scalars(text("SELECT number FROM numbers ORDER BY number")))


def test_many_threads_write_one_after_the_other(database):
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(add, database) for _ in range(80)]:
            done.result()
    assert numbers(database) == list(range(80))


def test_two_databases_of_one_process_share_the_turns_of_a_file(database, url):
    with closing(Database(url)) as other, ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(add, here) for _ in range(40) for here in (database, other)]:
            done.result()
        assert numbers(other) == list(range(80))


def test_a_process_that_dies_gives_its_turn_back(database, url):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "written\n"
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(add, database)
            holder.kill()
            waiting.result(timeout=20)
    assert numbers(database) == [0]


def test_a_turn_ends_with_the_transaction_however_that_ends(database):
    add(database)
    with suppress(ZeroDivisionError), database.begin():
        _ = 1 / 0
    with suppress(OperationalError), database.begin() as session:
        session.execute(text("INSERT INTO nowhere VALUES (1)"))
    connection = database.engine.connect()
    connection.begin()
    connection.invalidate()
    add(database)
    assert numbers(database) == [0, 1]


def test_whoever_has_the_turn_and_asks_again_is_refused(database, impatient):
    """A deadlock within one process ends with an error, as it does with SQLite's own lock."""
    with database.begin() as session:
        session.execute(text("INSERT INTO numbers VALUES (7)"))
        with pytest.raises(OperationalError, match="locked"):
            add(database)
    add(database)
    assert numbers(database) == [1, 7]


def test_a_writer_of_another_kind_is_waited_for(database, url, impatient):
    """Somebody with a shell takes no turns; SQLite's own lock still holds."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        with closing(Database(url)) as hasty:
            with hasty.engine.connect() as connection:
                connection.connection.execute("PRAGMA busy_timeout = 50")
            with pytest.raises(OperationalError, match="locked"):
                add(hasty)
            shell.execute("ROLLBACK")
            add(hasty)


def test_readers_wait_for_nobody(database, impatient):
    with database.begin() as session:
        session.execute(text("INSERT INTO numbers VALUES (1)"))
        assert numbers(database) == []
