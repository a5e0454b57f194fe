"""Empties a database between two tests: much faster than making a new one."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table

from chassis.data.database import Database


def wipe(database: Database, tables: Sequence[Table]) -> None:
    """Empty ``tables``, also one that the database lets nobody delete from."""
    with database.engine.begin() as connection:
        if database.dialect == "postgresql":
            _empty_postgresql(connection, [table.name for table in tables])
        else:
            _empty_sqlite(connection, tables)


def _empty_sqlite(connection: Connection, tables: Sequence[Table]) -> None:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = dict(rows.tuples().all())
    for name in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    for table in reversed(tables):
        connection.execute(table.delete())
    for statement in triggers.values():
        connection.exec_driver_sql(statement)


def _empty_postgresql(connection: Connection, tables: Sequence[str]) -> None:
    """Delete what a test has written, whatever triggers and foreign keys say, and count ids from 1 again.

    TRUNCATE would make new files for each table, which costs ten times as much for a few rows.
    """
    checks = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables)
    if names := connection.exec_driver_sql(" UNION ALL ".join(checks)).scalars().all():
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for name in names:
            connection.exec_driver_sql(f'DELETE FROM "{name}"')
        connection.exec_driver_sql("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")
