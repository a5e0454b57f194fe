"""Reads a request's body whole before any service is asked.

It is at most 1 MiB, on a few routes 4 MiB, so this costs little memory, and it means that a slow client occupies a
thread here and none in a service, that a body which turns out too large or broken reaches nobody, and that the length
we pass on is counted.
"""

from http import HTTPStatus

from chassis.core.errors import Failure, Malformed, UnsupportedMedia
from chassis.process.lifecycle import read_deadlines
from gateway.request import Environ


def read_body(environ: Environ, limit: int, seconds: float) -> bytes:
    """The whole body, which must arrive within ``seconds``.

    Raises:
        Failure: 400, 408, 413 or 415.
    """
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    length = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    if length == 0:
        return b""
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMedia("Send the body uncompressed.")  # it could grow beyond every limit
    if length is not None and length > limit:
        raise _too_large(limit)
    sock = environ.get("gunicorn.socket")
    if sock:
        read_deadlines.start(sock, seconds)
    try:
        body = _read(environ, limit + 1 if length is None else length)
    finally:
        if sock and not read_deadlines.stop(sock):  # also instead of what the reader made of the sudden end
            raise Failure("The body did not arrive in time.", status=HTTPStatus.REQUEST_TIMEOUT, code="slow_body")
    if len(body) > limit:
        raise _too_large(limit)
    if length is not None and len(body) != length:
        raise Malformed("The body is shorter than announced.")
    return body


def _read(environ: Environ, size: int) -> bytes:
    try:
        body: bytes = environ["wsgi.input"].read(size)
    except Exception as error:  # whatever the server raises for broken chunks or a connection that ended
        raise Malformed("The body cannot be read.") from error
    return body


def _too_large(limit: int) -> Failure:
    return Failure(
        f"The body may have at most {limit} bytes.",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        code="request_entity_too_large",
    )
