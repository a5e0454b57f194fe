"""Looks for a text in everything a database holds, whatever its models say."""

from typing import Any

from sqlalchemy import Engine, inspect


def rows_with(engine: Engine, text: str) -> list[tuple[str, dict[str, Any]]]:
    """Every row of every table with this text in any of its columns, in any case: ``[(table, row)]``."""
    rows = []
    with engine.connect() as connection:
        quote = engine.dialect.identifier_preparer.quote
        for table in inspect(connection).get_table_names():
            for row in connection.exec_driver_sql(f"SELECT * FROM {quote(table)}").mappings():
                if any(text.lower() in _as_text(value).lower() for value in row.values()):
                    rows.append((table, dict(row)))
    return rows


def _as_text(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
