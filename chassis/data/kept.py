"""A connection that is kept for statements which are transactions of their own: there and back once, on PostgreSQL.

It talks to libpq itself. A cursor lets go of the interpreter several times a statement, and where other threads
are at work each time may be somebody else's turn.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Engine, Executable
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from chassis.data.prepared import Prepared


class KeptConnection:
    """One statement at a time, each prepared when it first comes.

    When the connection is found lost the statement is sent again, so it must do nothing where it has done its work.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._busy = Lock()
        self._statements: dict[Executable, Prepared] = {}
        self._connection: Connection | None = None
        self._prepared: set[Prepared] = set()

    def run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Send a statement and return how many rows it touched.

        It is remembered, so it must be one that is made once in this process; it has no lists of any length (``in_``).
        """
        with self._busy:
            known = self._statements.get(statement)
            if known is None:
                known = self._statements[statement] = Prepared(statement, f"kept_{len(self._statements)}")
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

    def _send(self, statement: Prepared, values: list[bytes | None]) -> int:
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

    def _check(self, server: PGconn, result: PGresult, statement: Prepared) -> None:
        if result.status == ExecStatus.COMMAND_OK:
            return
        error, lost = error_from_result(result), server.status == ConnStatus.BAD
        if lost and self._connection is not None:
            self._connection.invalidate()
            self.close()
        raise DBAPIError.instance(statement.text, None, error, psycopg.Error, connection_invalidated=lost)
