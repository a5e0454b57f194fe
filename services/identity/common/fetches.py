"""Fetches of archives: few at a time and each within a time, so that slow clients leave threads to everybody else.

An archive is as large as a company, and the thread that sends it is held for as long as its client reads. Without a
bound, a handful of slow downloads would stop signing in.
"""

from collections.abc import Callable, Iterator
from errno import ECONNRESET
from http import HTTPStatus
from socket import socket
from threading import Lock
from time import monotonic
from typing import Any
from uuid import UUID

from flask import Response, current_app, request

from chassis.core import logs
from chassis.core.errors import Failure
from chassis.core.principal import caller
from chassis.process.lifecycle import write_deadlines
from chassis.process.service import Runtime, runtime_of

MOST = 2  # at a time in a process
WHOLE_TIME = 600  # seconds
ASK_AGAIN = 30  # seconds after which a place may be free
PIECE = 64 * 1024  # bytes that are sent together

ZIP: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}, "content_type": "application/zip"}
_RETRY_AFTER = {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 1}}
UNDER_WAY: dict[str, Any] = {
    "description": "`fetch_under_way`: you are fetching an archive already. Or too many requests.",
    "headers": {"Retry-After": _RETRY_AFTER},
}
BUSY: dict[str, Any] = {
    "description": "`archives_busy`: as many archives are being fetched as can be. Or something is away.",
    "headers": {"Retry-After": _RETRY_AFTER},
}

log = logs.logger(__name__)


class FetchUnderWay(Failure):
    """The caller is fetching an archive already."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "fetch_under_way"


class ArchivesBusy(Failure):
    """As many archives are being fetched as this process sends at a time."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "archives_busy"


class Places:
    """Who is fetching an archive from this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._people: set[UUID] = set()
        self._lock = Lock()

    def take(self, person: UUID) -> None:
        """Raises:
        FetchUnderWay: the person has a place.
        ArchivesBusy: others have all places.
        """
        again = {"Retry-After": str(ASK_AGAIN)}
        with self._lock:
            if person in self._people:
                raise FetchUnderWay("You are fetching an archive already.", headers=again)
            if len(self._people) >= self._most:
                raise ArchivesBusy("Too many archives are being fetched right now.", headers=again)
            self._people.add(person)

    def give_back(self, person: UUID) -> None:
        with self._lock:
            self._people.remove(person)


class Fetch:
    """The pieces of an archive on their way to a client, for ``WHOLE_TIME`` at most.

    It gives its place back once: at its end, after a failure, or when it is closed because the client has gone.
    """

    def __init__(self, places: Places, person: UUID, sock: socket | None) -> None:
        places.take(person)
        self._places, self._person, self._sock = places, person, sock
        self._pieces: Iterator[bytes] = iter(())
        self._end = monotonic() + WHOLE_TIME
        self._closed = False
        if sock:  # a client can also drip within one piece, while nobody asks for the next
            write_deadlines.start(sock, WHOLE_TIME)

    def send(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """The next piece. What follows the last one, such as a note that all was sent, has to come in time too.

        Raises:
            ConnectionResetError: the time is over; the web server then ends the connection, as where the client has.
        """
        try:
            if self._is_late():
                raise ConnectionResetError(ECONNRESET, "the archive was not fetched in time")
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._pieces = iter(())
        if self._sock:
            write_deadlines.stop(self._sock)
        self._places.give_back(self._person)
        if self._is_late():
            log.warning("an archive was not fetched in time")

    def _is_late(self) -> bool:
        return monotonic() >= self._end


def answer(filename: str, read: Callable[[], bytes | Iterator[bytes]]) -> Response:
    """Send the caller an archive, which ``read`` gives whole or in pieces once there is a place.

    Raises:
        FetchUnderWay, ArchivesBusy: there is no place.
    """
    places = _places_of(runtime_of(current_app))
    fetch = Fetch(places, caller().user_id, request.environ.get("gunicorn.socket"))
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    try:
        archive = read()
        if isinstance(archive, bytes):
            headers["Content-Length"] = str(len(archive))
            archive = _slices(archive)
        if request.method == "HEAD":
            fetch.close()  # nothing is sent
        else:
            fetch.send(archive)
        return Response(fetch, mimetype="application/zip", headers=headers)
    except BaseException:
        fetch.close()
        raise


def _places_of(runtime: Runtime) -> Places:
    """The places of this process: at most half of its threads, where it has few."""
    most = max(1, min(MOST, runtime.settings.threads // 2))
    places: Places = runtime.memory.setdefault("fetches", Places(most))
    return places


def _slices(archive: bytes) -> Iterator[bytes]:
    return (archive[start : start + PIECE] for start in range(0, len(archive), PIECE))
