"""Reads a request's body whole before any service is asked.

It is at most 1 MiB, on a few routes 4 MiB, so this costs little memory, and it means that a slow client occupies a
thread here and none in a service, that a body which turns out too large or broken reaches nobody, and that the length
we pass on is counted.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from time import monotonic

from chassis.core.errors import Malformed
from gateway.failures import SlowBody, TooLarge, UnsupportedEncoding
from gateway.headers import length_of
from gateway.request import Environ

PIECE = 64 * 1024


class Watchdog:
    """Ends the reading of bodies that take too long: the server has no such limit of its own.

    ``check`` is called about every second by a background thread. It shuts down the receiving side of an overdue
    connection only, so that the refusal can still be sent.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._reading: dict[int, tuple[float, socket.socket]] = {}
        self._lock = Lock()

    @contextmanager
    def watching(self, sock: socket.socket | None) -> Iterator[None]:
        if sock is None:  # not served over a socket of ours
            yield
            return
        with self._lock:
            self._reading[id(sock)] = (monotonic() + self._seconds, sock)
        try:
            yield
        finally:
            with self._lock:
                deadline, _ = self._reading.pop(id(sock))
            if deadline < 0:  # also instead of what the reader made of the sudden end
                raise SlowBody("The body did not arrive in time.")

    def check(self) -> None:
        with self._lock:
            for key, (deadline, sock) in self._reading.items():
                if 0 <= deadline < monotonic():
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_RD)
                    self._reading[key] = (-1, sock)


def read_body(environ: Environ, limit: int, watchdog: Watchdog) -> bytes:
    """The whole body.

    Raises:
        TooLarge, UnsupportedEncoding, SlowBody, Malformed: it is not one we take.
    """
    length = length_of(environ)
    if length == 0:
        return b""
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedEncoding("Send the body uncompressed.")
    if length is not None and length > limit:
        raise _too_large(limit)
    with watchdog.watching(environ.get("gunicorn.socket")):
        body = _read(environ, limit, length)
    if length is not None and len(body) != length:
        raise Malformed("The body is shorter than announced.")
    return body


def _read(environ: Environ, limit: int, length: int | None) -> bytes:
    pieces: list[bytes] = []
    total = 0
    while length is None or total < length:
        try:
            piece = environ["wsgi.input"].read(PIECE if length is None else min(PIECE, length - total))
        except Exception as error:  # whatever the server raises for broken chunks or a connection that ended
            raise Malformed("The body cannot be read.") from error
        if not piece:
            break
        pieces.append(piece)
        total += len(piece)
        if total > limit:
            raise _too_large(limit)
    return b"".join(pieces)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have at most {limit} bytes.")
