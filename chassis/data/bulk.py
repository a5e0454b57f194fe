"""Many rows with few statements, the same on SQLite and PostgreSQL."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, FromClause, String, Table, any_, func, insert, literal, select, type_coerce
from sqlalchemy import column as element
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, QueryableAttribute, Session
from sqlalchemy.sql.expression import UpdateBase

T = TypeVar("T")


def insert_ignoring(session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows, leaving out those whose key exists already; return how many were new."""
    return len(insert_new(session, model, rows, next(iter(model.__table__.primary_key))))


def insert_new(
    session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]], column: ColumnElement[Any]
) -> list[Any]:
    """Insert rows, leaving out those whose key exists already; return ``column`` of those that were new."""
    if not rows:
        return []
    statement = insertion(session, model).on_conflict_do_nothing().returning(column)
    return list(session.scalars(statement, list(rows)))  # rows apart from the statement: it is compiled once


def insertion(session: Session, model: type[DeclarativeBase]) -> postgresql.Insert:
    """An INSERT that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``; SQLite's has the same methods."""
    make: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return cast(postgresql.Insert, make(model.__table__))


def execute_counted(session: Session, statement: UpdateBase) -> int:
    """Insert, change or delete rows; return how many there were. The session does not learn which."""
    options = {"synchronize_session": False, "preserve_rowcount": True}
    return cast(CursorResult[Any], session.execute(statement, execution_options=options)).rowcount


def among(session: Session, column: QueryableAttribute[T], values: Collection[T]) -> ColumnElement[bool]:
    """Whether ``column``, of texts or ids, is one of ``values``: one bound value, however many there are.

    A statement is not built and parsed again for each number of values. Both databases look each value up in an index.
    A join with them as rows would have SQLite read all of them anew for each row of the table.
    """
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    texts = [value.hex if isinstance(value, UUID) else value for value in values]
    rows = func.json_each(json.dumps(texts)).table_valued(element("value", String()))
    return column.in_(select(type_coerce(rows.c.value, column.type)))


def batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """``values`` in their order, ``size`` at a time."""
    return (values[start : start + size] for start in range(0, len(values), size))


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
