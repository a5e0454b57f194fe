"""Fills every table of a service with a row of a tenant, so that no table can be forgotten."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, MetaData, Table, TypeDecorator, func, insert, select
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow

LATER = ("valid_to", "ends_at", "end_date", "expires_at")
"""Columns that must be after another one of their row."""


def fill(
    session: Session, metadata: MetaData, tenant_id: UUID, *, owners: tuple[str, ...], known: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Add a row of the tenant to each table, parents first; return the rows by table.

    Args:
        owners: columns that have the tenant's id.
        known: other values, by ``table.column``.
    """
    rows: dict[str, dict[str, Any]] = {}
    for table in metadata.sorted_tables:
        row = {column.name: _value(table, column, tenant_id, owners, known, rows) for column in table.columns}
        session.execute(insert(table).values(row))
        rows[table.name] = row
    return rows


def count_rows(session: Session, metadata: MetaData) -> dict[str, int]:
    tables = metadata.sorted_tables
    return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def _value(
    table: Table,
    column: Column[Any],
    tenant_id: UUID,
    owners: tuple[str, ...],
    known: Mapping[str, Any],
    rows: Mapping[str, Mapping[str, Any]],
) -> Any:
    name = f"{table.name}.{column.name}"
    if name in known:
        return known[name]
    if column.name in owners or name in owners:
        return tenant_id
    for key in column.foreign_keys:
        return rows[key.column.table.name][key.column.name]
    return _sample(column)


def _sample(column: Column[Any]) -> Any:
    stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    kind = stored.python_type
    if kind is UUID:
        return uuid4()
    if kind is bool:
        return True
    if issubclass(kind, datetime):
        return utcnow() + (timedelta(days=1) if column.name in LATER else timedelta())
    if kind is date:
        return utcnow().date()
    return {str: f"{column.name} {uuid4()}", int: 1, Decimal: Decimal(1), dict: {}, list: []}[kind]
