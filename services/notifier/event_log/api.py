"""``/api/v1/events``: all events of the caller's tenant, in order, from any cursor on."""

from http import HTTPStatus
from math import ceil
from time import monotonic

from flask import current_app
from flask.views import MethodView

from chassis.core.errors import Failure
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.error_formats import PROBLEM
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts.roles import ADMINS, VIEWERS, Role
from services.notifier import settings
from services.notifier.event_log import cursors, queries
from services.notifier.event_log.long_polling import WaitingRoom
from services.notifier.event_log.schemas import EventOut, EventsIn, EventsOut

READERS = (*ADMINS, *VIEWERS, Role.MACHINE)
LATEST = "latest"
WAITED = "Concord-Waited"
ASK_AGAIN = 5  # seconds after which a place may be free
HEADERS = {
    WAITED: {
        "description": "How many seconds the answer waited, rounded up; 0 when no place for a long poll was free."
        " Absent when it did not have to wait.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Retry-After": {
        "description": "Seconds after which to ask again, when no place for a long poll was free.",
        "schema": {"type": "integer", "minimum": 1},
    },
}

blp = Blueprint("events", __name__, url_prefix="/api/v1/events")


class Expired(Failure):
    """The log has forgotten events after this cursor, so going on from it would skip them."""

    status = HTTPStatus.GONE
    default_code = "cursor_expired"


@blp.route("")
class Events(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(EventsIn, location="query")
    @blp.response(200, EventsOut, headers=HEADERS)
    @blp.alt_response(410, schema=PROBLEM.reference, content_type=PROBLEM.media_type, description="Expired.")
    @raises(410, "cursor_expired")
    @raises(422, "invalid_cursor")
    def get(self, search):
        """The next events of the caller's tenant after a cursor; with ``wait`` as soon as there are any.

        Reading on from ``next`` gives each event once, in one order. An answer may hold fewer than ``limit`` events, or
        none, and still have ``hasMore``, when the requested types are rare. When no place for a long poll is free, the
        answer comes at once, with ``Concord-Waited: 0`` and ``Retry-After``.
        """
        secret_box = settings.of(settings_of(current_app)).secret_box(cursors.PURPOSE)
        after, wait = start(secret_box, search.pop("after")), search.pop("wait")
        events, headers = look(after, search), {}
        if wait and not events.items and not events.has_more:
            events, headers = wait_for(events.position, wait, search)
        cursor = cursors.write(secret_box, caller().tenant_id, events.position)
        return {"items": events.items, "next": cursor, "has_more": events.has_more}, 200, headers


@blp.route("/<uuid:event_id>")
class OneEvent(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, EventOut)
    def get(self, event_id):
        """One event, while the log keeps it."""
        with db.read() as session:
            return queries.event(session, event_id)


def start(secret_box, after):
    """The position that ``after`` means; None for the beginning of the log, wherever that is."""
    if after == LATEST:
        with db.read() as session:
            return queries.ends(session)[0]
    return None if after is None else cursors.read(secret_box, caller().tenant_id, after)


def look(after, search):
    """The events after a position. Whether some are forgotten is read last, because that may happen meanwhile."""
    with db.read() as session:
        events = queries.events(session, after=after or 0, **search)
        _, trimmed = queries.ends(session)
    if after is not None and after < trimmed:
        raise Expired("Events after this cursor are no longer kept. Begin again without one.")
    return events


def wait_for(position, seconds, search):
    """The events that arrive within so many seconds, and headers that say whether there was a place to wait.

    Holds a thread, but no connection while nothing happens.
    """
    seats = max(1, settings_of(current_app).threads // 2)
    room = current_app.extensions.setdefault("waiting-room", WaitingRoom(seats))
    events = queries.Slice([], position, has_more=False)

    def has_happened():
        nonlocal events
        with db.read() as session:
            if queries.is_anything_after(session, events.position):
                events = queries.events(session, after=events.position, **search)
        return bool(events.items) or events.has_more

    with room.seat(caller().tenant_id) as seated:
        if not seated:
            return events, {WAITED: "0", "Retry-After": str(ASK_AGAIN)}
        began = monotonic()
        room.watch(seconds, has_happened)
        return events, {WAITED: str(ceil(monotonic() - began))}
