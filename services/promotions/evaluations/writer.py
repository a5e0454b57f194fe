"""Keeps evaluations: those of requests that come together in one transaction, each only if it is of the present."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import orjson
from flask import Flask
from sqlalchemy import Connection, Executable, and_, bindparam, exists, insert, not_, select, text

from chassis.data.database import Database
from services.promotions.common.models import Base
from services.promotions.evaluations.store_set_queries import Stamp

EVALUATIONS = Base.metadata.tables["evaluations"]
CATALOGUES = Base.metadata.tables["catalogues"]
MOST = 100
"""Rows that are written together."""


def _held() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Waiting:
    """A row that somebody waits for. ``kept`` is None until it was its turn.

    ``called`` is held until its owner is called; waiting for it takes it again.
    """

    row: dict[str, Any]
    stamp: Stamp
    kept: bool | None = None
    error: BaseException | None = None
    called: Lock = field(default_factory=_held)


class Keeper:
    """The evaluations of a process on their way into the database.

    Nobody writes but one; whoever comes meanwhile waits, and the first of them writes next, for all who do. Nobody is
    answered before the row is committed.
    """

    def __init__(self) -> None:
        self._queue: deque[_Waiting] = deque()
        self.is_writing = False
        self._lock = Lock()

    def __len__(self) -> int:
        """How many wait for somebody who is writing."""
        return len(self._queue)

    def keep(self, database: Database, row: dict[str, Any], stamp: Stamp) -> bool:
        """Write an evaluation unless the tenant's stamp is another one than it was made with; say whether."""
        mine = _Waiting(row, stamp)
        if database.in_unit:  # it is to be there if, and only if, the request's stored answer is
            return bool(_keep_one(database, mine))
        with self._lock:
            self._queue.append(mine)
            waits, self.is_writing = self.is_writing, True
        if waits:
            mine.called.acquire()  # one's row is written, or it is one's turn to write
        if mine.kept is None and mine.error is None:
            self._write(database)
        if mine.error:
            raise mine.error
        return bool(mine.kept)

    def _write(self, database: Database) -> None:
        time.sleep(0)  # not a pause: threads that are ready go first, and those that have a row too come along
        batch = [self._queue.popleft() for _ in range(min(MOST, len(self._queue)))]
        try:
            kept = _keep_many(database, batch)
            for each in batch:
                each.kept = each in kept
        except BaseException as error:  # whatever it is, nobody may wait for a row for ever, nor write it again
            for each in batch:
                each.error = error
        finally:
            self._hand_over()
            for each in batch:
                each.called.release()

    def _hand_over(self) -> None:
        """Let the next begin before those whose rows are written go on: the database need not wait for them."""
        with self._lock:
            self.is_writing = bool(self._queue)
            if self._queue:
                self._queue[0].called.release()


def _keep_one(database: Database, waiting: _Waiting) -> list[_Waiting]:
    catalogue_id, revision = waiting.stamp
    values = waiting.row | {"catalogue_id": catalogue_id, "revision": revision}
    return [waiting] if database.run(KEEP_IF_CURRENT, values) else []


def _keep_many(database: Database, batch: list[_Waiting]) -> list[_Waiting]:
    if database.dialect == "postgresql":
        return _keep_at_once(database, batch)
    with database.engine.begin() as connection:
        stamps = _stamps(connection, {each.row["tenant_id"] for each in batch})
        current = [each for each in batch if stamps.get(each.row["tenant_id"], each.stamp) == each.stamp]
        if current:
            connection.execute(insert(EVALUATIONS), [each.row for each in current])
    return current


def _keep_at_once(database: Database, batch: list[_Waiting]) -> list[_Waiting]:
    """One statement for all, with one value: each way to the database and each value cost more than the rows do."""
    rows = [each.row | {"catalogue_id": each.stamp[0], "revision": each.stamp[1]} for each in batch]
    written = database.run(KEEP_THOSE_CURRENT, {"rows": orjson.dumps(rows).decode()})
    if written == len(batch):
        return batch
    ids = [each.row["id"] for each in batch]
    with database.engine.connect() as connection:
        there = set(connection.scalars(select(EVALUATIONS.c.id).where(EVALUATIONS.c.id.in_(ids))))
    return [each for each in batch if each.row["id"] in there]


KEEP_THOSE_CURRENT = text(
    """
    INSERT INTO evaluations (id, tenant_id, store_uid, record, created_at)
    SELECT id, tenant_id, store_uid, record, created_at
    FROM json_to_recordset(CAST(:rows AS json)) AS given (
        id uuid, tenant_id uuid, store_uid text, record json, created_at timestamptz,
        catalogue_id uuid, revision integer
    )
    WHERE NOT EXISTS (
        SELECT FROM catalogues
        WHERE catalogues.tenant_id = given.tenant_id
          AND (catalogues.id, catalogues.revision) <> (given.catalogue_id, given.revision)
    )
    ON CONFLICT (id) DO NOTHING
    """
)


def _stamps(connection: Connection, tenants: Iterable[Any]) -> dict[Any, Stamp]:
    """The stamps of tenants as they are now; a tenant without one has changed nothing yet."""
    columns = CATALOGUES.c
    statement = select(columns.tenant_id, columns.id, columns.revision).where(columns.tenant_id.in_(tenants))
    return {tenant: (catalogue, revision) for tenant, catalogue, revision in connection.execute(statement)}


def _keep_if_current() -> Executable:
    """An insert of one row that does nothing where the tenant's stamp is another one than it was made with."""
    columns, stamps = EVALUATIONS.c, CATALOGUES.c
    is_same = and_(
        stamps.id == bindparam("catalogue_id", type_=stamps.id.type),
        stamps.revision == bindparam("revision", type_=stamps.revision.type),
    )
    changed = exists().where(stamps.tenant_id == bindparam("tenant_id", type_=stamps.tenant_id.type), not_(is_same))
    row = select(*(bindparam(column.name, type_=column.type) for column in columns)).where(not_(changed))
    return insert(EVALUATIONS).from_select([column.name for column in columns], row)


KEEP_IF_CURRENT = _keep_if_current()


def keeper_of(app: Flask) -> Keeper:
    """The keeper of this process' application."""
    keeper: Keeper = app.extensions.setdefault("keeper", Keeper())
    return keeper
