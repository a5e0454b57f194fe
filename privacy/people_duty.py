"""What every service does for the people in its tables: shows all that it keeps about one, and forgets one.

Both go through the service's declarations (``privacy.personal_data``) and those of the chassis' own tables, in windows
of a few thousand rows, so that no transaction is long.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.audit import AuditRow
from chassis.data.bulk import batches
from chassis.data.database import Database
from chassis.http.blueprints import Blueprint
from chassis.http.schemas import CamelSchema
from chassis.messaging.events import Received, on
from chassis.messaging.outbox import OutboxRow
from chassis.messaging.resequencer import AheadRow
from chassis.messaging.retry_table import RetryRow
from chassis.process.service import Runtime, Task, runtime_of
from privacy import archive_erasure, erasures
from privacy.exports import ANSWER, BUSY, IDENTITY, json_row, position_text, read_position
from privacy.person import FORMER_USER, Person
from privacy.personal_data import PersonalData, erase_rows, window
from privacy.places import Place, key_of

PERSON_ERASED = "identity.PersonErased.v1"
BATCH = 50  # rows of one transaction

CHASSIS = (
    PersonalData(AuditRow, "Who changed what (CONCORD_KEEP_AUDIT).", ("actor_id",), erase={"actor_name": FORMER_USER}),
    PersonalData(AuditRow, "What was changed about a person (CONCORD_KEEP_AUDIT).", ("target_id",), texts=("changes",)),
    PersonalData(OutboxRow, "Events that are sent; a day.", texts=("body", "last_error")),
    PersonalData(AheadRow, "Events that wait for their turn.", texts=("body",)),
    PersonalData(RetryRow, "Events that failed, until they succeed or are dropped.", texts=("body", "error")),
    PersonalData(erasures.ErasureRow, "Who is being forgotten; nine days.", ("user_id",), secret=("email_digest",)),
)
"""Personal data in the tables that every service has."""

blp = Blueprint("people", __name__, url_prefix="/internal/people")

log = logger(__name__)


class PersonErasedIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    email_digest = fields.String(required=True)


class PersonIn(CamelSchema):
    tenant_id = fields.UUID(required=True)
    email_digest = fields.String(required=True)
    earlier_digests = fields.List(fields.String(), load_default=list)
    after = fields.String()


class PersonRowOut(CamelSchema):
    table = fields.String(required=True)
    row = fields.Dict(required=True)


class PersonOut(CamelSchema):
    """A part of what is kept; with ``next`` as ``after`` the request goes on, null at the end."""

    items = fields.List(fields.Nested(PersonRowOut), required=True)
    next = fields.String(required=True, allow_none=True)


@on(PERSON_ERASED, PersonErasedIn)
def begin_erasure(session: Any, event: Received) -> None:
    """Begin to forget a person; the scheduler does the work."""
    person = Person(event.data.user_id, event.data.tenant_id, event.data.email_digest)
    erasures.begin(session, person, utcnow())


@blp.route("/<uuid:user_id>")
class KeptOfPerson(MethodView):
    @blp.allow_senders(IDENTITY)
    @blp.arguments(PersonIn, location="query")
    @blp.response(200, PersonOut)
    def get(self, query, user_id):
        """All that this service keeps about a person, a part at a time."""
        runtime = runtime_of(current_app)
        person = Person(user_id, query["tenant_id"], query["email_digest"], tuple(query["earlier_digests"]))
        return kept_of(runtime.database, tables_of(runtime), person, after=query.get("after"))


def kept_of(
    database: Database, tables: Sequence[PersonalData], person: Person, *, after: str | None = None
) -> dict[str, Any]:
    """The next rows about a person, ``{"items": [{"table", "row"}], "next": …}``; ``next`` is None at the end.

    Raises:
        Invalid: ``after`` is none of ours.
    """
    index, place = read_position([data.table for data in tables], after)
    items: list[dict[str, Any]] = []
    size, deadline = 0, time.monotonic() + BUSY
    while index < len(tables) and size < ANSWER:
        data = tables[index]
        with database.read() as session:
            rows, place = window(session, data, person, place)
        for row in rows:
            if _shows(tables, index, row._asdict(), person):
                items.append({"table": data.table.name, "row": json_row(data.exported(row._asdict()))})
                size += len(json.dumps(items[-1]["row"]))
            if size >= ANSWER:
                place = key_of(data.table, row)
                break
        else:
            index += place is None
        if time.monotonic() > deadline:
            break
    return {"items": items, "next": None if index == len(tables) else position_text(index, place)}


def erase_some(runtime: Runtime) -> bool:
    """Go on with an erasure that is due, by one window; True while there may be more to do.

    In the service that looks after the broker's archive, that is the step after the last table.
    """
    database, tables = runtime.database, tables_of(runtime)
    with database.begin() as session:
        row = erasures.claim(session, utcnow())
    if row is None:
        return False
    erases_archive = runtime.service.duty(PeopleDuty).erases_archive
    steps = len(tables) + erases_archive
    if erases_archive and row.table_number >= len(tables):
        place: Place | None = archive_erasure.erase_window(runtime, row.person, row.after)
    else:
        place = _erase_window(database, tables[min(row.table_number, len(tables) - 1)], row)
    with database.begin() as session:
        erasure = erasures.lock(session, row.person)
        if erasure is not None and erasure.go_on(place, steps, utcnow()):
            session.delete(erasure)
            log.info("a person is forgotten", user_id=str(row.user_id))
    return True


def _erase_window(database: Database, data: PersonalData, row: erasures.ErasureRow) -> Place | None:
    """Forget a person in the next rows of one table; returns the key to go on after, None where the table ends."""
    person = row.person
    with database.read() as session:
        rows, place = window(session, data, person, row.place_in(data))
    keys = [key_of(data.table, row) for row in rows if data.must_change(row._asdict(), person)]
    for batch in batches(keys, BATCH):
        with database.begin() as session:
            erase_rows(session, data, person, batch)
    return place


@dataclass(frozen=True)
class PeopleDuty:
    """The service answers what it keeps about a person, and forgets one, even where its own tables hold nothing.

    Attributes:
        own_tables: what its own tables hold of people.
        erases_archive: it also takes erased people out of what the broker keeps; true of one service.
    """

    own_tables: Sequence[PersonalData]
    erases_archive: bool = False
    blueprints: ClassVar = (blp,)
    subscriptions: ClassVar = (begin_erasure,)
    tasks: ClassVar = (Task("erasures", 2.0, erase_some),)

    @property
    def tables(self) -> tuple[PersonalData, ...]:
        """What its tables, and those of the chassis beside them, hold of people."""
        return (*self.own_tables, *CHASSIS)


def tables_of(runtime: Runtime) -> tuple[PersonalData, ...]:
    """What all tables of a running service hold of people."""
    return runtime.service.duty(PeopleDuty).tables


def _shows(tables: Sequence[PersonalData], index: int, row: Mapping[str, Any], person: Person) -> bool:
    """Whether a row is shown by this declaration: it concerns the person, and no declaration before showed it."""
    earlier = [data for data in tables[:index] if data.table is tables[index].table]
    return tables[index].concerns(row, person) and not any(data.concerns(row, person) for data in earlier)
