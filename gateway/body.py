"""Reads a request's body whole before any service is asked.

It is at most 1 MiB, on a few routes 4 MiB, so this costs little memory, and it means that a slow client occupies a
thread here and none in a service, that a body which turns out too large or broken reaches nobody, and that the length
we pass on is counted.
"""

from chassis.core.errors import Malformed
from chassis.process.lifecycle import read_deadlines
from gateway.failures import SlowBody, TooLarge, UnsupportedEncoding
from gateway.headers import length_of
from gateway.request import Environ

PIECE = 64 * 1024


def read_body(environ: Environ, limit: int, seconds: float) -> bytes:
    """The whole body, which must arrive within ``seconds``.

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
    sock = environ.get("gunicorn.socket")
    if sock:
        read_deadlines.start(sock, seconds)
    try:
        body = _read(environ, limit, length)
    finally:
        if sock and not read_deadlines.stop(sock):  # also instead of what the reader made of the sudden end
            raise SlowBody("The body did not arrive in time.")
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
