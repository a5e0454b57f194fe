"""gunicorn's threaded worker for a server that strangers reach without a proxy in front (ADR 24).

* A new connection waits for its first byte in the selector and holds no thread.
* The head of a request must be complete ``HEAD_SECONDS`` after its first byte, however its bytes trickle in.
* A client that falls silent in the middle of a body or an answer holds a thread for ``SILENCE_SECONDS`` at most.
* A body that the application has refused without reading is discarded, so that the connection can go on: the client
  may have sent its next request already.
* A closed connection lingers until the client has read the answer. The pool does that, never the main loop.
* A request that gunicorn itself refuses is answered with a problem, and the log quotes nothing that the client sent.
"""

import json
import selectors
import socket
import struct
import time
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors as http
from gunicorn.workers.gthread import TConn, ThreadWorker

from chassis.core.context import accept_request_id
from chassis.http.error_formats import PROBLEM, problem
from chassis.process.lifecycle import read_deadlines, stopping, write_deadlines

HEAD_SECONDS = 5
SILENCE_SECONDS = 15
LEFTOVER = 4 * 1024 * 1024  # bytes of a body that are discarded; no larger one comes through the gateway
LEFTOVER_SECONDS = 5
REFUSED = {
    http.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    http.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    http.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    http.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


class Worker(ThreadWorker):
    """``gthread`` that slow and rude clients cannot stop."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """The first signal stops the worker, the others do nothing. Where a whole group is told to stop, the second one
        comes from gunicorn's master while the first one is handled, and ``stopping`` must not be locked twice."""
        if self.alive:
            super().handle_exit(sig, frame)
            stopping.set()

    def notify(self) -> None:
        """gunicorn calls this about once a second."""
        super().notify()
        read_deadlines.check()
        write_deadlines.check()

    def enqueue_req(self, conn: TConn) -> None:
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.close = partial(self._close, conn)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", SILENCE_SECONDS, 0))
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        read_deadlines.start(conn.sock, HEAD_SECONDS)
        try:
            return super().handle(conn)
        finally:
            read_deadlines.stop(conn.sock)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        read_deadlines.stop(conn.sock)  # the head is complete
        keepalive = super().handle_request(req, conn)
        deadline = time.monotonic() + LEFTOVER_SECONDS
        return bool(keepalive and conn.parser.finish_body(deadline=deadline, max_bytes=LEFTOVER + 1))

    def _close(self, conn: TConn, graceful: bool = False) -> None:
        if graceful and self.alive:
            self.tpool.submit(TConn.close, conn, graceful=True)
        else:
            TConn.close(conn, graceful=graceful)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that could not be read (4xx, 501) or that failed outside the application (500)."""
        if isinstance(exc, http.ParseException):
            self.log.warning("request refused: %s", type(exc).__name__)
            status = REFUSED.get(type(exc), HTTPStatus.BAD_REQUEST)
            answer = _problem(status, code="malformed_request", detail="The request is not valid HTTP.")
        else:
            self.log.error("request failed outside the application", exc_info=exc)
            answer = _problem(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                code="internal_error",
                detail="Something went wrong on our side. The error has been logged.",
            )
        try:
            util.write_nonblock(client, answer)
        except OSError:
            self.log.debug("the client was gone")


def _problem(status: HTTPStatus, *, code: str, detail: str) -> bytes:
    request_id = accept_request_id(None)
    body = json.dumps(problem(status, code, detail, request_id=request_id)).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {PROBLEM.media_type}\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-Id: {request_id}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
