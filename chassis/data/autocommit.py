"""Statements that are each a transaction of their own, over one connection that is kept for them."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Executable
from sqlalchemy.exc import DBAPIError


class Autocommit:
    """Writes with one statement a transaction: one round trip, where a session needs three.

    One statement at a time, from any thread. The driver prepares a statement that it sends often.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT", preserve_rowcount=True)
        self._busy = Lock()
        self._connection: Connection | None = None

    def run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Commit a statement, again where the connection was lost; return how many rows it touched."""
        with self._busy:
            try:
                return self._run(statement, values)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                self.close()
                return self._run(statement, values)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        if self._connection is None:
            self._connection = self._engine.connect()
        with self._connection.begin():
            return self._connection.execute(statement, values).rowcount
