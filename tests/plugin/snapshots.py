"""The rows of a service at a moment, to begin many tests there: writing them back costs a tenth of what it costs to
bring them about by the API again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table

from chassis.data.base import ChassisBase
from tests.plugin.services import ServiceUnderTest

SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"


@dataclass(frozen=True)
class Snapshot:
    """What ``running`` has in its tables, and how far its numbers have come."""

    running: ServiceUnderTest
    rows: Mapping[Table, Sequence[Mapping[str, Any]]]
    numbers: Mapping[str, int]

    @classmethod
    def of(cls, running: ServiceUnderTest) -> "Snapshot":
        with running.database.engine.connect() as connection:
            rows = {table: connection.execute(table.select()).mappings().all() for table in _tables(running)}
            numbers = _numbers(connection)
        return cls(running, {table: [dict(row) for row in rows[table]] for table in rows if rows[table]}, numbers)

    def write_back(self) -> None:
        """Into tables that are empty."""
        with self.running.database.engine.begin() as connection:
            for table, rows in self.rows.items():
                connection.execute(table.insert(), rows)
            for name, last in self.numbers.items():
                connection.exec_driver_sql(f"SELECT setval('{name}', {last})")


def _tables(running: ServiceUnderTest) -> list[Table]:
    return [*running.runtime.service.metadata.sorted_tables, *ChassisBase.metadata.sorted_tables]


def _numbers(connection: Connection) -> dict[str, int]:
    if connection.dialect.name != "postgresql":
        return {}
    return dict(connection.exec_driver_sql(SEQUENCES).tuples().all())
