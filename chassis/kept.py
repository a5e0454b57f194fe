"""A connection that is kept for statements which are transactions of their own: there and back once, on PostgreSQL."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import psycopg
from sqlalchemy import Dialect, Engine, Executable
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError


class _Compiled:
    """A statement as the driver takes it; made once, because to make it costs more than to send it."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._process: dict[str, Callable[[Any], Any]] = {}
        for name, bind in compiled.binds.items():
            if process := bind.type.dialect_impl(dialect).bind_processor(dialect):
                self._process[name] = process

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        values = {**self._fixed, **given}
        for name, process in self._process.items():
            values[name] = process(values.get(name))
        return values


class KeptConnection:
    """One statement at a time, each prepared when it first comes.

    When the connection is found lost the statement is sent again, so it must do nothing where it has done its work.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._busy = Lock()
        self._connection: Connection | None = None
        self._cursor: Any = None
        self._compiled: dict[Executable, _Compiled] = {}

    def run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Send a statement that outlives this process' requests (it is remembered); return how many rows it touched."""
        with self._busy:
            compiled = self._compiled.get(statement)
            if compiled is None:
                compiled = self._compiled[statement] = _Compiled(statement, self._engine.dialect)
            try:
                return self._send(compiled, values)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return self._send(compiled, values)

    def close(self) -> None:
        """Give the connection back; the next statement takes another one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._cursor = None

    def _send(self, compiled: _Compiled, given: Mapping[str, Any]) -> int:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._cursor = self._connection.connection.cursor()
        try:
            self._cursor.execute(compiled.sql, compiled.values(given), prepare=True)
            return int(self._cursor.rowcount)
        except psycopg.Error as error:
            lost = self._cursor.connection.closed
            if lost:
                self._connection.invalidate()
            self.close()
            raise DBAPIError.instance(
                compiled.sql, None, error, psycopg.Error, connection_invalidated=lost, dialect=self._engine.dialect
            ) from error
