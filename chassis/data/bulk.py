"""Many rows with few statements, the same on SQLite and PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy import ColumnElement, FromClause, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session


def insert_ignoring(session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows, leaving out those whose key exists already; return how many were new."""
    return len(insert_new(session, model, rows, next(iter(model.__table__.primary_key))))


def insert_new(
    session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]], column: ColumnElement[Any]
) -> list[Any]:
    """Insert rows, leaving out those whose key exists already; return ``column`` of those that were new."""
    if not rows:
        return []
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(model.__table__).on_conflict_do_nothing().returning(column)  # type: ignore[arg-type]
    return list(session.scalars(statement, list(rows)))  # rows apart from the statement: it is compiled once


COPY_FROM = 50  # rows; fewer are inserted sooner than a COPY is begun and ended


def insert_many(session: Session, table: FromClause, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with the same columns; many of them on PostgreSQL by COPY, which costs half of an INSERT a row."""
    if len(rows) < COPY_FROM or session.get_bind().dialect.name != "postgresql":
        session.execute(insert(cast(Table, table)), list(rows))
        return
    connection = session.connection()
    columns = list(rows[0])
    statement = f"COPY {cast(Table, table).name} ({', '.join(columns)}) FROM STDIN"
    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([row[column] for column in columns])
    except psycopg.Error as error:
        lost = connection.connection.dbapi_connection.closed  # type: ignore[union-attr]
        raise DBAPIError.instance(statement, None, error, psycopg.Error, connection_invalidated=lost) from error
