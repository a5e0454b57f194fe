"""gunicorn's threaded worker with what it lacks for a server that strangers reach.

* A connection on which nothing has come yet waits in the selector and holds no thread.
* The head of a request must be there within ``HEAD_SECONDS`` of its first byte, however its bytes trickle in.
* A client that falls silent in the middle of a body or of an answer holds a thread for ``PATIENCE`` seconds at most.
* A body that the application has refused without reading it is read and thrown away, so that the connection can go on
  as the answer has said: somebody else's request may be on its way on it.
* Closing a connection politely waits for the client; that is done by the pool, so that it never holds up the main loop.
* What gunicorn refuses by itself is a problem too, and its log line quotes nothing that the client sent.
"""

import contextlib
import json
import selectors
import socket
import struct
import threading
import time
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors as http
from gunicorn.workers.gthread import TConn, ThreadWorker

from chassis.core.context import accept_request_id
from chassis.http.problems import MEDIA_TYPE, problem

HEAD_SECONDS = 5
PATIENCE = 15  # seconds a socket may stay silent while a thread waits for it
LEFTOVER = 4 * 1024 * 1024  # bytes of a body that are thrown away; no larger one comes through the gateway
LEFTOVER_SECONDS = 5
REFUSED = {
    http.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    http.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    http.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    http.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}

stopping = threading.Event()
"""Set once this process has been told to stop, for a request that waits for something to happen."""


class Worker(ThreadWorker):
    """``gthread`` for the open sea."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[TConn, float] = {}  # connections whose head a thread reads, and when it must be there

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        stopping.set()

    def enqueue_req(self, conn: TConn) -> None:
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.close = partial(self._close, conn)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE, 0))
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        self._heads[conn] = time.monotonic() + HEAD_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._heads.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        self._heads.pop(conn, None)  # the head is complete
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: TConn, keepalive: Any) -> bool:
        """gunicorn asks this after every answer that did not say ``Connection: close``."""
        end = time.monotonic() + LEFTOVER_SECONDS
        return bool(keepalive and conn.parser.finish_body(deadline=end, max_bytes=LEFTOVER + 1))

    def murder_pending(self) -> None:
        """gunicorn calls this about once a second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, end in list(self._heads.items()):
            if end < now:
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)

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
