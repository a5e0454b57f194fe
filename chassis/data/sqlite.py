"""SQLite for several threads and processes that write: a writer waits for a lock of the kernel's, which wakes it at
once.

SQLite itself lets a writer sleep for up to a tenth of a second and ask again, so a busy file stands idle while all of
its writers sleep, and some of them wait for seconds.
"""

import fcntl
import os
import sqlite3
import weakref
from threading import Lock
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

BUSY_SECONDS = 30
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}")


class Turn:
    """Whose turn it is to write to a file: one thread's of one process. A process that dies gives its turn back."""

    def __init__(self, path: str) -> None:
        self._thread = Lock()
        self._file = os.open(f"{path}.turn", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, self._file)

    def take(self) -> None:
        """Wait for the turn; behind another process that is stopped in a transaction, as long as it is stopped.

        Raises:
            OperationalError: another thread of this process has had it for ``BUSY_SECONDS``.
        """
        if not self._thread.acquire(timeout=BUSY_SECONDS):
            raise sqlite3.OperationalError("database is locked")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._thread.release()
            raise

    def give_back(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._thread.release()


_turns: weakref.WeakValueDictionary[str, Turn] = weakref.WeakValueDictionary()
_making = Lock()


def turn_of(path: str) -> Turn:
    """The one of this process for a file, which lives as long as its connections."""
    with _making:
        turn = _turns.get(path)
        if turn is None:
            turn = _turns[path] = Turn(path)
        return turn


class WaitingConnection(sqlite3.Connection):
    """A connection that has its turn while it is in a write transaction."""

    def __init__(self, path: str, *arguments: Any, **options: Any) -> None:
        super().__init__(path, *arguments, **options)
        self._turn = None if path == ":memory:" else turn_of(path)
        self._has_turn = False

    def take_turn(self) -> None:
        """Call it before ``BEGIN IMMEDIATE``; the end of the transaction gives it back."""
        if self._turn:
            self._turn.take()
            self._has_turn = True

    def commit(self) -> None:
        super().commit()
        self._give_back()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._give_back()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._give_back()

    def _give_back(self) -> None:
        if self._turn and self._has_turn:
            self._has_turn = False
            self._turn.give_back()


def engine_of(url: str, pool_size: int, overflow: int) -> Engine:
    options = {"timeout": BUSY_SECONDS, "check_same_thread": False, "factory": WaitingConnection}
    engine = create_engine(url, pool_size=pool_size, max_overflow=overflow, connect_args=options)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A write transaction takes its lock at once; a reading one cannot write."""
    read_only = connection.get_execution_options().get("concord_read")
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    if not read_only:
        _take_turn(driver)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _take_turn(driver: WaitingConnection) -> None:
    """With the error that SQLAlchemy makes of the driver's in a statement."""
    try:
        driver.take_turn()
    except sqlite3.OperationalError as error:
        raise OperationalError("BEGIN IMMEDIATE", None, error) from error
