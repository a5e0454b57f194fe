"""How the database goes about what a block asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from chassis.core.principal import Principal, acting_as
from tests.identity.conftest import Identity


@contextmanager
def plans_of(identity: Identity, verb: str) -> Iterator[list[str]]:
    """The plans of the statements that begin with ``verb`` in the block, in their order."""
    asked: list[tuple[str, Any]] = []
    plans: list[str] = []
    engine = identity.running.database.engine

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(verb):
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", note)
    is_postgresql = engine.dialect.name == "postgresql"
    explain = "EXPLAIN" if is_postgresql else "EXPLAIN QUERY PLAN"
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        connection = session.connection()
        if is_postgresql:  # a test has too few rows for an index to pay
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in asked:
            plans.append(str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all()))
