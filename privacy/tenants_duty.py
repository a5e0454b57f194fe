"""What every service does for the tenants in its tables: shows all rows of one for an export, and deletes what one has
left after its end.

Both go through the service's declarations (``privacy.tenant_data``), at most some hundred rows at a time, so that
no transaction is long.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.audit import AuditRow
from chassis.data.database import Database
from chassis.http.blueprints import Blueprint
from chassis.http.schemas import CamelSchema
from chassis.messaging.events import Received, Subscription, on
from chassis.process.service import Runtime, Task, runtime_of
from privacy import endings
from privacy.exports import ANSWER, BUSY, IDENTITY, json_row, position_text, read_position
from privacy.places import Place, key_of
from privacy.tenant_data import AT_ONCE, Step, TenantData, window

TENANT_ENDED = "identity.TenantEnded.v1"
FIRST_ROWS = 20  # rows that are read before their size is known

CHASSIS = (
    TenantData(
        AuditRow,
        "Who changed what, when, and from what to what.",
        rows=lambda tenant_id: AuditRow.tenant_id == tenant_id,
        steps=(),
        remains="the trail of what was done, for CONCORD_KEEP_AUDIT days",
    ),
)
"""What the tables that every service has hold of tenants."""

blp = Blueprint("tenant-rows", __name__, url_prefix="/internal/tenant-rows")

log = logger(__name__)


class TenantEndedIn(CamelSchema):
    tenant_id = fields.UUID(required=True)


class RowsIn(CamelSchema):
    after = fields.String()


class RowsOut(CamelSchema):
    """Some rows of one table, and ``about``, what they are; with ``next`` as ``after`` the request goes on, null at the
    end. ``table`` is null where there is nothing more."""

    table = fields.String(required=True, allow_none=True)
    about = fields.String(required=True, allow_none=True)
    rows = fields.List(fields.Dict(), required=True)
    next = fields.String(required=True, allow_none=True)


@on(TENANT_ENDED, TenantEndedIn)
def begin_ending(session: Any, event: Received) -> None:
    """Begin to delete what a tenant has left; the scheduler does the work."""
    endings.begin(session, event.data.tenant_id, utcnow())


@blp.route("/<uuid:tenant_id>")
class RowsOfTenant(MethodView):
    @blp.allow_senders(IDENTITY)
    @blp.arguments(RowsIn, location="query")
    @blp.response(200, RowsOut)
    def get(self, query, tenant_id):
        """All rows of a tenant in this service, a part at a time."""
        runtime = runtime_of(current_app)
        return rows_of(runtime.database, tables_of(runtime), tenant_id, after=query.get("after"))


def rows_of(
    database: Database, tables: Sequence[TenantData], tenant_id: UUID, *, after: str | None = None
) -> dict[str, Any]:
    """The next rows of a tenant, ``{"table", "about", "rows", "next"}``, of one table; ``next`` is None at the end.

    Raises:
        Invalid: ``after`` is none of ours.
    """
    index, place = read_position([data.table for data in tables], after)
    rows: list[dict[str, Any]] = []
    data, deadline = None, time.monotonic() + BUSY
    while index < len(tables) and not rows:
        data = tables[index]
        rows, place = _part_of(database, data, tenant_id, place, deadline)
        index += place is None
        if time.monotonic() > deadline:
            break
    following = None if index == len(tables) else position_text(index, place)
    table, about = (data.table.name, data.why) if data and rows else (None, None)
    return {"table": table, "about": about, "rows": rows, "next": following}


def end_some(runtime: Runtime) -> bool:
    """Take the next step of an ending that is due, for some rows; True while there may be more to do."""
    database, steps = runtime.database, runtime.service.duty(TenantsDuty).steps
    with database.begin() as session:
        ending = endings.claim(session, utcnow())
    if ending is None:
        return False
    with database.begin() as session:
        row = endings.lock(session, ending.tenant_id)
        if row is None or row.next_at != ending.next_at:
            return True  # another process has gone on with it
        data, step = steps[min(row.step, len(steps) - 1)]
        more = step(session, data, row.tenant_id, utcnow())
        if row.go_on(more=more, steps=len(steps), now=utcnow()):
            log.info("what a tenant has left is deleted", tenant_id=str(row.tenant_id))
    return True


@dataclass(frozen=True)
class TenantsDuty:
    """The service shows all rows of a tenant, even where its own tables hold nothing; where they name steps, it also
    deletes what a tenant has left after its end.

    Attributes:
        own_tables: what its own tables hold of tenants, children before the rows they refer to.
    """

    own_tables: Sequence[TenantData]
    blueprints: ClassVar = (blp,)

    @property
    def tables(self) -> tuple[TenantData, ...]:
        """What its tables, and those of the chassis beside them, hold of tenants."""
        return (*self.own_tables, *CHASSIS)

    @property
    def steps(self) -> tuple[tuple[TenantData, Step], ...]:
        """What is done after a tenant's end, in this order."""
        return tuple((data, step) for data in self.own_tables for step in data.steps)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        return (begin_ending,) if self.steps else ()

    @property
    def tasks(self) -> tuple[Task, ...]:
        return (Task("endings", 2.0, end_some),) if self.steps else ()


def tables_of(runtime: Runtime) -> tuple[TenantData, ...]:
    """What all tables of a running service hold of tenants."""
    return runtime.service.duty(TenantsDuty).tables


def _part_of(
    database: Database, data: TenantData, tenant_id: UUID, place: Place | None, deadline: float
) -> tuple[list[dict[str, Any]], Place | None]:
    """Rows of one table from a place on, and the place to go on after; None where the table ends."""
    shown: list[dict[str, Any]] = []
    size, limit = 0, FIRST_ROWS
    while True:
        with database.read() as session:
            rows, following = window(session, data, tenant_id, place, limit=limit)
        for row in rows:
            shown.append(json_row(data.exported(row._asdict(), tenant_id)))
            size += len(json.dumps(shown[-1]))
            if size >= ANSWER or time.monotonic() > deadline:
                return shown, key_of(data.table, row)
        if following is None:
            return shown, None
        place, limit = following, _next_limit(limit, row_size=size // len(shown), left=ANSWER - size)


def _next_limit(limit: int, *, row_size: int, left: int) -> int:
    """How many rows are read next: twice as many as before, but not more than probably fit into the answer. Rows may
    have hundreds of kilobytes, and those that do not fit are read again for the next answer."""
    return min(2 * limit, AT_ONCE, 1 + left // max(row_size, 1))
