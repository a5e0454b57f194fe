"""Writes evaluations in groups: concurrent requests share one transaction.

A row is written only if its catalogue revision is still current. One thread writes at a time. Threads that arrive
meanwhile queue up, and the first of them writes the next group.
"""

import time
from collections import deque
from dataclasses import dataclass
from threading import Condition
from typing import Any

import orjson
from flask import Flask
from sqlalchemy import Connection, Executable, and_, bindparam, exists, insert, not_, select, text

from chassis.data.database import Database
from chassis.data.unit_of_work import current_unit
from services.promotions.common.models import Base
from services.promotions.evaluations.store_set_queries import Stamp

EVALUATIONS = Base.metadata.tables["evaluations"]
CATALOGUES = Base.metadata.tables["catalogues"]
MOST = 100
"""Rows that one transaction writes."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A row in the queue, with its stamp. ``is_written`` is None until a group with it was committed or refused."""

    row: dict[str, Any]
    is_written: bool | None = None
    error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.is_written is not None or self.error is not None


class EvaluationWriter:
    """The group-commit writer of a process. A thread gets its answer after its row was committed, never before.

    Example:
        ``EvaluationWriter().write(database, row, stamp)`` returns False where the catalogue has changed.
    """

    def __init__(self) -> None:
        self._queue: deque[_Entry] = deque()
        self._changed = Condition()
        self.is_writing = False

    def __len__(self) -> int:
        """How many rows wait for the group that is being written."""
        return len(self._queue)

    def write(self, database: Database, row: dict[str, Any], stamp: Stamp) -> bool:
        """Write an evaluation unless the tenant's stamp is no longer ``stamp``; return whether it was written."""
        catalogue_id, revision = stamp
        entry = _Entry(row | {"catalogue_id": catalogue_id, "revision": revision})
        if current_unit.get():  # the request's stored answer and its evaluation are committed together, or neither is
            with database.begin() as session:
                return _insert(session.connection(), entry)
        with self._changed:
            self._queue.append(entry)
            try:
                self._changed.wait_for(lambda: entry.is_done or (not self.is_writing and self._queue[0] is entry))
            except BaseException:  # a thread that is interrupted must not stop the threads behind it
                self._leave(entry)
                raise
            if not entry.is_done:
                self.is_writing = True
        if not entry.is_done:
            self._write_group(database)
        if entry.error:
            raise entry.error
        return bool(entry.is_written)

    def _leave(self, entry: _Entry) -> None:
        if entry in self._queue:
            self._queue.remove(entry)
        self._changed.notify_all()

    def _write_group(self, database: Database) -> None:
        """Write the first rows of the queue, then let the next thread write."""
        group: list[_Entry] = []
        written: list[_Entry] = []
        failure: BaseException | None = None
        try:
            time.sleep(0)  # lets threads that are ready join this group
            with self._changed:
                while self._queue and len(group) < MOST:
                    group.append(self._queue.popleft())
            written = _write_many(database, group)
        except BaseException as error:  # every thread of the group gets it: none waits for ever, none writes again
            failure = error
        with self._changed:
            for entry in group or [self._queue.popleft()]:  # its own, where it failed before it took a group
                entry.is_written, entry.error = entry in written, failure
            self.is_writing = False
            self._changed.notify_all()


def _write_many(database: Database, group: list[_Entry]) -> list[_Entry]:
    if database.dialect != "postgresql":
        with database.begin() as session:
            return [entry for entry in group if _insert(session.connection(), entry)]
    count = database.run(INSERT_CURRENT, {"rows": orjson.dumps([entry.row for entry in group]).decode()})
    if count == len(group):
        return group
    ids = [entry.row["id"] for entry in group]
    with database.read() as session:
        written = set(session.scalars(select(EVALUATIONS.c.id).where(EVALUATIONS.c.id.in_(ids))))
    return [entry for entry in group if entry.row["id"] in written]


def _insert(connection: Connection, entry: _Entry) -> bool:
    """Insert one row if it is current, on any database."""
    return bool(connection.execute(INSERT_ONE_CURRENT, entry.row).rowcount)


INSERT_CURRENT = text(
    """
    INSERT INTO evaluations (id, tenant_id, store_uid, record, created_at)
    SELECT id, tenant_id, store_uid, record, created_at
    FROM json_to_recordset(CAST(:rows AS json)) AS offered (
        id uuid, tenant_id uuid, store_uid text, record json, created_at timestamptz,
        catalogue_id uuid, revision integer
    )
    WHERE NOT EXISTS (
        SELECT FROM catalogues
        WHERE catalogues.tenant_id = offered.tenant_id
          AND (catalogues.id, catalogues.revision) <> (offered.catalogue_id, offered.revision)
    )
    ON CONFLICT (id) DO NOTHING
    """
)
"""The rows of a group as one value: round trips and bound values cost more than the rows do."""


def _insert_one_current() -> Executable:
    """An insert of one row that does nothing where the tenant's stamp is not the one that it was made with."""
    columns, stamps = EVALUATIONS.c, CATALOGUES.c
    is_same = and_(
        stamps.id == bindparam("catalogue_id", type_=stamps.id.type),
        stamps.revision == bindparam("revision", type_=stamps.revision.type),
    )
    changed = exists().where(stamps.tenant_id == bindparam("tenant_id", type_=stamps.tenant_id.type), not_(is_same))
    row = select(*(bindparam(column.name, type_=column.type) for column in columns)).where(not_(changed))
    statement = insert(EVALUATIONS).from_select([column.name for column in columns], row)
    return statement.execution_options(preserve_rowcount=True)


INSERT_ONE_CURRENT = _insert_one_current()


def writer_of(app: Flask) -> EvaluationWriter:
    """The writer of this process."""
    writer: EvaluationWriter = app.extensions.setdefault("evaluation_writer", EvaluationWriter())
    return writer
