"""Statements as PostgreSQL itself reads them, made once: to make one costs more than to send it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

NUMBERED = PGDialect_psycopg(paramstyle="numeric_dollar")


class Prepared:
    """A statement with numbered parameters. It has no lists of any length (``in_``), and names every value itself.

    Attributes:
        name: under which a connection has it prepared.
        text: what the server is sent once.
    """

    def __init__(self, statement: Executable, name: str = "") -> None:
        compiled: Any = statement.compile(dialect=NUMBERED)  # type: ignore[attr-defined]
        assert not compiled.post_compile_params, "a list has no fixed number of parameters"
        assert not [*compiled.insert_prefetch, *compiled.update_prefetch], "nobody fills in a column's default"
        self.name, self.text = name.encode(), str(compiled)
        self._constant = {key: bind.value for key, bind in compiled.binds.items() if not bind.required}
        types = {key: bind.type.dialect_impl(NUMBERED) for key, bind in compiled.binds.items()}
        self._order = [(key, types[key].bind_processor(NUMBERED)) for key in compiled.positiontup]

    def values(self, given: Mapping[str, Any]) -> list[bytes | None]:
        """What is sent for each parameter, as text."""
        given = {**self._constant, **given}
        return [_text(process(given[key]) if process else given[key]) for key, process in self._order]


def _text(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | UUID | datetime):
        raise TypeError(f"no {type(value).__name__} can be a prepared statement's value")
    sent = str(value).encode()
    if b"\0" in sent:
        raise ValueError("libpq would end the value at its NUL")
    return sent
