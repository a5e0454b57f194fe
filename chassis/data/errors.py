"""What a database's refusal means: a key that is taken, a server that is away, or one that is busy."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.core.errors import Conflict


def is_taken(error: IntegrityError, unique: UniqueConstraint | Index) -> bool:
    """Whether it is ``unique`` that refused a row: PostgreSQL tells its name, SQLite its columns."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return bool(diagnosis.constraint_name == unique.name)
    columns = ", ".join(f"{column.table.name}.{column.name}" for column in unique.columns)
    return str(error.orig) == f"UNIQUE constraint failed: {columns}"


@contextmanager
def conflict_if_taken(unique: UniqueConstraint | Index, detail: str, *, code: str | None = None) -> Iterator[None]:
    """Refuse a block that writes a row as a ``Conflict``, where another row has the key ``unique`` already."""
    try:
        yield
    except IntegrityError as error:
        if not is_taken(error, unique):
            raise
        raise Conflict(detail, code=code) from error


def is_away(error: BaseException) -> bool:
    """Whether an error means that the database cannot be reached just now, so that the same work succeeds later."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    could_not_connect = isinstance(error, OperationalError) and error.statement is None
    return bool(error.connection_invalidated) or could_not_connect


BUSY = frozenset({"55P03", "57014", "40001", "40P01"})
"""SQLSTATEs of lock and statement time-outs, serialization failures and deadlocks."""


def is_busy(error: BaseException) -> bool:
    """Whether a statement gave up because of others at work, so that the same request succeeds later."""
    if not isinstance(error, DBAPIError):
        return False
    locked = isinstance(error, OperationalError) and "database is locked" in str(error.orig)
    return locked or getattr(error.orig, "sqlstate", None) in BUSY
