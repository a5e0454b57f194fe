"""Engines. SQLite and PostgreSQL behave alike: a write transaction takes its locks at once (``BEGIN IMMEDIATE`` on
SQLite), a reading one cannot write."""

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection


def engine_of(url: str, pool_size: int, overflow: int) -> Engine:
    if url.startswith("sqlite"):
        waiting = {"timeout": 30, "check_same_thread": False}
        engine = create_engine(url, pool_size=pool_size, max_overflow=overflow, connect_args=waiting)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    limits = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_use_lifo=True,  # as few connections at work as there is work, so that the server can close the others
        connect_args={"options": limits, "connect_timeout": 3},
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("concord_read")
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
