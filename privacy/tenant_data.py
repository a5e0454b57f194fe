"""What each table holds of tenants, declared once: how a tenant's rows are found, what an export shows of them, and
what becomes of them when the tenant has ended."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Table, Uuid, delete, literal, select, tuple_, union, update
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.elements import BooleanClauseList
from sqlalchemy.sql.operators import or_

from chassis.data.bulk import execute_counted
from privacy.places import Place, after, key_of

FORMER_COMPANY = "former company"
"""What others read in the place of an ended tenant's name."""

AT_ONCE = 500
"""Rows that are read for an export, deleted or changed together, at most."""

Condition = Callable[[UUID], ColumnElement[bool]]
"""SQL: which rows, for a tenant."""

Step = Callable[[Session, "TenantData", UUID, datetime], bool]
"""Deletes or changes some rows after a tenant's end; returns whether there may be more. It must not find again what it
has changed."""


def delete_own(session: Session, data: "TenantData", tenant_id: UUID, _now: datetime) -> bool:
    """Delete some of the tenant's rows."""
    return _delete(session, data, data.rows_of(tenant_id))


def delete_where(condition: Condition) -> Step:
    """Delete rows that a condition names."""
    return lambda session, data, tenant_id, _now: _delete(session, data, condition(tenant_id))


def change_where(condition: Condition, *, moments: Sequence[str] = (), **values: Any) -> Step:
    """Give columns of the rows that a condition names other values; then it must not name them any more. ``moments``
    are columns that become the present time."""

    def step(session: Session, data: "TenantData", tenant_id: UUID, now: datetime) -> bool:
        return _change(session, data, condition(tenant_id), values | dict.fromkeys(moments, now))

    return step


@dataclass(frozen=True, eq=False)
class TenantData:
    """What one table holds of tenants.

    Attributes:
        model: a mapped class.
        why: what its rows are, for the reader of an export.
        rows: which rows are a tenant's; those that the class makes visible to it, where none are given.
        secret: columns that no export shows.
        sides: columns of a row of two tenants that only one of them may know, by the column with that one's id.
        steps: what happens after the tenant's end, in this order; its rows are deleted unless it says otherwise.
        remains: what may still name the tenant after all steps, and why; nothing where it is empty.
    """

    model: type[DeclarativeBase]
    why: str
    rows: Condition | None = None
    secret: tuple[str, ...] = ()
    sides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: tuple[Step, ...] = (delete_own,)
    remains: str = ""

    @cached_property
    def table(self) -> Table:
        table = self.model.__table__
        assert isinstance(table, Table)
        return table

    @cached_property
    def read_columns(self) -> list[Column[Any]]:
        """What an export reads of a row: not what is secret, which may be large."""
        return [
            column
            for column in self.table.c
            if column.primary_key or column.name in self.sides or column.name not in self.secret
        ]

    def rows_of(self, tenant_id: UUID) -> ColumnElement[bool]:
        if self.rows is not None:
            return self.rows(tenant_id)
        model: Any = self.model
        return model.visible_to(literal(tenant_id, Uuid()))

    def exported(self, row: Mapping[str, Any], tenant_id: UUID) -> dict[str, Any]:
        """What an export shows of a row."""
        others = {name for side, names in self.sides.items() if row[side] != tenant_id for name in names}
        return {name: value for name, value in row.items() if name not in others and name not in self.secret}


def window(
    session: Session, data: TenantData, tenant_id: UUID, place: Place | None, *, limit: int | None = None
) -> tuple[list[Row[Any]], Place | None]:
    """The tenant's next rows after a primary key, and the key to go on after; None where the table ends. At most
    ``limit`` rows, and never more than ``AT_ONCE``."""
    limit = AT_ONCE if limit is None else min(limit, AT_ONCE)
    key = list(data.table.primary_key.columns)
    beyond = [] if place is None else [after(data.table, place)]
    statement = select(*data.read_columns).order_by(*key).limit(limit)
    sides = _sides(data.rows_of(tenant_id))
    if len(sides) == 1:
        statement = statement.where(*sides, *beyond)
    else:
        nearest = [select(*key).where(side, *beyond).order_by(*key).limit(limit).subquery() for side in sides]
        statement = statement.where(_key(data).in_(union(*(select(*side.c) for side in nearest))))
    rows = list(session.execute(statement))
    return rows, key_of(data.table, rows[-1]) if len(rows) == limit else None


def _sides(condition: ColumnElement[bool]) -> Sequence[ColumnElement[bool]]:
    """The parts of a condition that one of several columns fulfils, such as the two companies of an invite. Each is
    found by the index of its column; for both in the order of the key a database would read the whole table."""
    is_any = isinstance(condition, BooleanClauseList) and condition.operator is or_
    return tuple(condition.clauses) if is_any else (condition,)


def _delete(session: Session, data: TenantData, condition: ColumnElement[bool]) -> bool:
    key, some = _lock_some(data, condition)
    return execute_counted(session, delete(data.table).where(key.in_(some))) == AT_ONCE


def _change(session: Session, data: TenantData, condition: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    key, some = _lock_some(data, condition, key_share=True)
    return execute_counted(session, update(data.table).where(key.in_(some)).values(dict(values))) == AT_ONCE


def _lock_some(data: TenantData, condition: ColumnElement[bool], *, key_share: bool = False) -> tuple[Any, Any]:
    """The primary key, and a subquery with the keys of some rows, which it locks.

    A row that somebody else is changing is waited for. PostgreSQL then checks the condition again, and counts the row
    towards the limit only if it still holds. It does so where the row is locked: outside it would compare keys alone.
    It reads a common table expression with a lock once; a plain subquery it may read again, and delete more rows. The
    expression stands in the subquery since sqlite3 counts no rows of a statement that begins with WITH.
    """
    columns = list(data.table.primary_key.columns)
    rows = select(*columns).where(condition).limit(AT_ONCE).with_for_update(of=data.table, key_share=key_share)
    return _key(data), select(*rows.cte("some_rows", nesting=True).c)


def _key(data: TenantData) -> Any:
    """SQL: the primary key."""
    columns = list(data.table.primary_key.columns)
    return columns[0] if len(columns) == 1 else tuple_(*columns)
