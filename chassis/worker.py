"""gunicorn's threaded worker with what it lacks for a server that strangers reach.

* A client that stops in the middle of a request or of an answer holds a thread for ``PATIENCE`` seconds at most.
* Closing a connection politely waits for the client; that is done by the pool, so that it never holds up the main loop.
* What gunicorn refuses by itself is a problem too, and its log line quotes nothing that the client sent.
"""

import json
import socket
import struct
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors as http
from gunicorn.workers.gthread import TConn, ThreadWorker

from chassis.context import accept_request_id
from chassis.errors import MEDIA_TYPE, problem

PATIENCE = 15  # seconds a socket may stay silent while a thread waits for it
REFUSED = {
    http.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    http.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    http.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    http.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


class Worker(ThreadWorker):
    """``gthread`` for the open sea."""

    def enqueue_req(self, conn: TConn) -> None:
        conn.close = partial(self._close, conn)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE, 0))
        super().enqueue_req(conn)

    def _close(self, conn: TConn, graceful: bool = False) -> None:
        if graceful and self.alive:
            self.tpool.submit(TConn.close, conn, graceful=True)
        else:
            TConn.close(conn, graceful=graceful)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that could not be read (4xx, 501) or that failed outside the application (500)."""
        refused = isinstance(exc, http.ParseException)
        status = REFUSED.get(type(exc), HTTPStatus.BAD_REQUEST) if refused else HTTPStatus.INTERNAL_SERVER_ERROR
        if refused:
            self.log.warning("request refused: %s", type(exc).__name__)
        else:
            self.log.error("request failed outside the application", exc_info=exc)
        try:
            util.write_nonblock(client, _problem(status))
        except OSError:
            self.log.debug("the client was gone")


def _problem(status: HTTPStatus) -> bytes:
    request_id = accept_request_id(None)
    code, detail = "malformed_request", "The request is not proper HTTP."
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        code, detail = "internal_error", "Something went wrong on our side."
    body = json.dumps(problem(status, code, detail, request_id=request_id)).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"X-Request-Id: {request_id}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
