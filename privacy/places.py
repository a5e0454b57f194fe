"""Places in a table: a primary key after which reading goes on."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, literal, tuple_

Place = Sequence[Any]
"""A primary key."""


def key_of(table: Table, row: Row[Any]) -> Place:
    values = row._asdict()
    return [values[column.name] for column in table.primary_key.columns]


def read_place(table: Table, values: Sequence[Any]) -> Place:
    """A primary key from its JSON form, which has texts and numbers alone."""
    return [
        _value(column.type.python_type, value) for column, value in zip(table.primary_key.columns, values, strict=True)
    ]


def after(table: Table, place: Place) -> ColumnElement[bool]:
    """SQL: rows behind a place, in the order of the primary key."""
    return tuple_(*table.primary_key.columns) > literal_key(table, place)


def literal_key(table: Table, place: Place) -> Any:
    columns = table.primary_key.columns
    return tuple_(*(literal(value, column.type) for value, column in zip(place, columns, strict=True)))


def _value(kind: Any, value: Any) -> Any:
    return kind.fromisoformat(value) if issubclass(kind, date) else kind(value)
