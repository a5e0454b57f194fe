"""Statements that are carried out while who sent them goes on with something else, without a thread for it.

A commit is mostly waiting for a disk. Whoever has other work meanwhile, and must only know the outcome before the next
step, sends the statement here and asks later. ``Database.run`` is for those who wait at once.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import psycopg
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from sqlalchemy import Executable, PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

from chassis.core.logs import logger
from chassis.data.database import Database
from chassis.data.prepared import Prepared

log = logger(__name__)


class Aside:
    """One statement at a time, each a transaction of its own, on a connection kept for them; of one thread.

    On SQLite, and inside a :class:`~chassis.data.unit_of_work.Unit`, a statement is carried out before ``start``
    returns.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: PoolProxiedConnection | None = None
        self._prepared: Prepared | None = None
        self._under_way: tuple[Executable, Mapping[str, Any]] | None = None
        self._touched: int | None = None

    def start(self, statement: Executable, values: Mapping[str, Any]) -> None:
        """Send a statement off. It names its tenant itself, has no lists among its values, and does nothing where it
        has done its work already: it is sent again when the connection is found lost."""
        if self._database.dialect != "postgresql" or self._database.in_unit:
            self._touched = self._database.run(statement, values)
            self._under_way = statement, values
            return
        self._under_way = statement, values
        try:
            self._send(prepared(statement), values)
        except (psycopg.Error, SQLAlchemyError) as error:
            self._drop(str(error))

    def finish(self) -> int:
        """How many rows the statement has touched; it is committed, or what went wrong with it is raised."""
        assert self._under_way, "nothing was started"
        touched = self._touched  # known already where it was carried out at once
        if touched is None and self._kept is not None:
            touched = self._receive(self._kept)
        (statement, values), self._under_way, self._touched = self._under_way, None, None
        return self._database.run(statement, values) if touched is None else touched

    def close(self) -> None:
        """Give the connection back."""
        if self._under_way:
            self._drop("nobody waited for the outcome")
        elif self._kept is not None:
            self._kept.close()
            self._kept = None

    def _send(self, statement: Prepared, values: Mapping[str, Any]) -> None:
        sent = statement.values(values)
        if self._kept is None:
            self._kept, self._prepared = self._database.engine.raw_connection(), None
        driver = _driver(self._kept)
        if self._prepared is not statement:
            driver.pgconn.send_prepare(statement.name, statement.text.encode())
            driver.wait(execute(driver.pgconn))
            self._prepared = statement
        driver.pgconn.send_query_prepared(statement.name, sent)
        driver.pgconn.flush()

    def _receive(self, kept: PoolProxiedConnection) -> int | None:
        """None where the statement has failed, or nobody knows."""
        driver = _driver(kept)
        try:
            [result] = driver.wait(execute(driver.pgconn))
        except psycopg.Error as error:
            self._drop(str(error))
            return None
        if result.status != ExecStatus.COMMAND_OK:
            self._drop(result.get_error_message())
            return None
        return result.command_tuples or 0

    def _drop(self, reason: str) -> None:
        log.warning("a kept connection is given up", reason=reason.strip())
        if self._kept is not None:
            self._kept.invalidate()
            self._kept = None


def _driver(connection: PoolProxiedConnection) -> psycopg.Connection[Any]:
    driver: Any = connection.driver_connection
    return cast(psycopg.Connection[Any], driver)


@lru_cache
def prepared(statement: Executable) -> Prepared:
    """Without a name: it lasts until the next one, and leaves nothing behind on the connection."""
    return Prepared(statement)
