"""What every service does for the tenants in its tables: shows all rows of one for an export, and deletes what one has
left after its end.

Both go through the service's declarations (``chassis.data.tenant_data``), at most some hundred rows at a time, so that
no transaction is long.
"""

import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.core.plain import json_row
from chassis.data import endings
from chassis.data.audit import AuditRow
from chassis.data.database import Database
from chassis.data.keys import Place, key_of, position_text, read_position
from chassis.data.tenant_data import AT_ONCE, Step, TenantData, window
from chassis.http.blueprints import Blueprint
from chassis.http.schemas import CamelSchema
from chassis.messaging.events import Received, on

IDENTITY = "identity"
TENANT_ENDED = "identity.TenantEnded.v1"
ANSWER = 2 * 1024 * 1024  # bytes after which an answer ends …
BUSY = 1.0  # … or seconds, well below the asking service's patience
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
        runtime = current_app.extensions["runtime"]
        return rows_of(runtime.database, runtime.service.all_tenant_data, tenant_id, after=query.get("after"))


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


def end_some(runtime: Any) -> bool:
    """Take the next step of an ending that is due, for some rows; True while there may be more to do."""
    database: Database = runtime.database
    steps: Sequence[tuple[TenantData, Step]] = runtime.service.ending_steps
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
