"""Webhook receivers on loopback that behave or misbehave, and who watches where sockets are connected to."""

import contextlib
import select
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_watching = []


def _note_connects(event, arguments):
    if event == "socket.connect" and _watching:
        for seen in _watching:
            seen.append(arguments[1])


sys.addaudithook(_note_connects)


@contextlib.contextmanager
def watched_connects():
    """Every address this process connects to in the block, whoever does it."""
    seen = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


class Receiver(ThreadingHTTPServer):
    """Takes what it is sent. ``answers`` are given one after another, then 204: a status, or status and headers.

    ``answer`` decides instead when it is set, from the headers and body of a request.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate=None):
        self.taken = []
        self.answers = []
        self.answer = None
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server_address[1]}/hook"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that refuses our certificate is what a test wants."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.taken.append((self.path, self.headers, body))
            if self.server.answer:
                answer = self.server.answer(self.headers, body)
            else:
                answer = self.server.answers.pop(0) if self.server.answers else 204
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


class RudeReceiver:
    """Answers every request with ``pieces``, one after another, ``pause`` seconds apart, for ever where ``endless``."""

    def __init__(self, *pieces, pause=0.0, endless=False):
        self._pieces, self._pause, self._endless = pieces, pause, endless
        self._over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.ended = threading.Event()
        self.sent = 0
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/hook"

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self._over.set()
        self._server.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            while not self._over.is_set():
                for piece in self._pieces:
                    connection.sendall(piece)
                    self.sent += len(piece)
                    self._over.wait(self._pause)
                if connection in select.select([connection], [], [], 0)[0] and not connection.recv(65536):
                    break
                if not self._endless:
                    self._over.wait(30)
        self.ended.set()
