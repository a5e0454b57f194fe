"""Statements that are each a transaction of their own, over one connection that is kept for them."""

from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError


class Autocommit:
    """Writes with one statement a transaction: there and back once, where a session takes three ways.

    One statement at a time, from any thread. On PostgreSQL the driver itself sends it, prepared: SQLAlchemy's own
    work for a statement costs more than twice as much as the driver's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT", preserve_rowcount=True)
        self._busy = Lock()
        self._connection: Connection | None = None

    def run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Commit a statement, again where the connection was lost; return how many rows it touched."""
        send = _execute if self._engine.dialect.name == "postgresql" else _execute_by_sqlalchemy
        with self._busy:
            try:
                return send(self._connected(), statement, values)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                self.close()
                return send(self._connected(), statement, values)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection


def _execute(connection: Connection, statement: Executable, values: Mapping[str, Any]) -> int:
    driver: Any = connection.connection.driver_connection
    sql, constants = _compiled(statement)
    try:
        return driver.execute(sql, {**constants, **values}, prepare=True).rowcount
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(sql, None, error, psycopg.Error, connection_invalidated=driver.closed) from error


def _execute_by_sqlalchemy(connection: Connection, statement: Executable, values: Mapping[str, Any]) -> int:
    with connection.begin():
        return connection.execute(statement, values).rowcount


@lru_cache
def _compiled(statement: Executable) -> tuple[str, Mapping[str, Any]]:
    """The text of a statement that is made once, and the values that it always has."""
    compiled = statement.compile(dialect=PGDialect_psycopg())  # type: ignore[attr-defined]
    return str(compiled), compiled.params
