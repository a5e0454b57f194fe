"""What the web server and the code it runs share: that the process stops, and until when a client may send."""

import socket
from contextlib import suppress
from math import inf
from threading import Event, Lock
from time import monotonic

stopping = Event()
"""Set once this process has been told to stop. Loops and requests that wait for something end early."""


class ReadDeadlines:
    """Ends the reading of requests that take too long in all; a socket's own timeout limits silence only."""

    def __init__(self) -> None:
        self._ends: dict[socket.socket, float] = {}
        self._lock = Lock()

    def start(self, sock: socket.socket, seconds: float) -> None:
        with self._lock:
            self._ends[sock] = monotonic() + seconds

    def stop(self, sock: socket.socket) -> bool:
        """Whether everything came in time."""
        with self._lock:
            return self._ends.pop(sock, inf) >= 0

    def check(self) -> None:
        """Shut down the receiving side of overdue sockets, so that an answer can still be sent.

        The web server calls this about once a second.
        """
        with self._lock:
            for sock, end in self._ends.items():
                if end < monotonic():
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_RD)
                    self._ends[sock] = -inf


read_deadlines = ReadDeadlines()
