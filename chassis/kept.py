"""A connection that is kept for statements which are transactions of their own: there and back once, on PostgreSQL.

It talks to libpq itself. A cursor lets go of the interpreter several times a statement, and where other threads
are at work each time may be somebody else's turn.
"""

from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Engine, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

NUMBERED = PGDialect_psycopg(paramstyle="numeric_dollar")


class _Statement:
    """A statement made once, because to make it costs more than to send it.

    Attributes:
        name: under which the connection has it prepared.
    """

    def __init__(self, statement: Any, name: str) -> None:
        compiled = statement.compile(dialect=NUMBERED)
        self.name, self.text = name.encode(), str(compiled)
        self._constant = {key: bind.value for key, bind in compiled.binds.items() if not bind.required}
        types = {key: bind.type.dialect_impl(NUMBERED) for key, bind in compiled.binds.items()}
        self._order = [(key, types[key].bind_processor(NUMBERED)) for key in compiled.positiontup]

    def values(self, given: Mapping[str, Any]) -> list[bytes | None]:
        """What is sent for each parameter, as text."""
        given = {**self._constant, **given}
        return [_text(process(given[key]) if process else given[key]) for key, process in self._order]


def _text(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | UUID | datetime):
        raise TypeError(f"no {type(value).__name__} can be sent by a kept statement")
    sent = str(value).encode()
    if b"\0" in sent:
        raise ValueError("libpq would end the value at its NUL")
    return sent


class KeptConnection:
    """One statement at a time, each prepared when it first comes.

    When the connection is found lost the statement is sent again, so it must do nothing where it has done its work.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._busy = Lock()
        self._statements: dict[Executable, _Statement] = {}
        self._connection: Connection | None = None
        self._prepared: set[_Statement] = set()

    def run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Send a statement and return how many rows it touched.

        It is remembered, so it must be one that is made once in this process; it has no lists of any length (``in_``).
        """
        with self._busy:
            known = self._statements.get(statement)
            if known is None:
                known = self._statements[statement] = _Statement(statement, f"kept_{len(self._statements)}")
            sent = known.values(values)
            try:
                return self._send(known, sent)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return self._send(known, sent)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _send(self, statement: _Statement, values: list[bytes | None]) -> int:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._prepared.clear()
        driver: Any = self._connection.connection.driver_connection
        if statement not in self._prepared:
            self._check(driver.pgconn, driver.pgconn.prepare(statement.name, statement.text.encode()), statement)
            self._prepared.add(statement)
        result = driver.pgconn.exec_prepared(statement.name, values)
        self._check(driver.pgconn, result, statement)
        return int(result.command_tuples or 0)

    def _check(self, server: PGconn, result: PGresult, statement: _Statement) -> None:
        if result.status == ExecStatus.COMMAND_OK:
            return
        error, lost = error_from_result(result), server.status == ConnStatus.BAD
        if lost and self._connection is not None:
            self._connection.invalidate()
            self.close()
        raise DBAPIError.instance(statement.text, None, error, psycopg.Error, connection_invalidated=lost)
