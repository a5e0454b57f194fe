"""What the web server and the code it runs share: that the process stops, and until when a client may send or
read."""

import socket
from contextlib import suppress
from math import inf
from threading import Event, Lock
from time import monotonic

stopping = Event()
"""Set once this process has been told to stop. Loops and requests that wait for something end early."""


class Deadlines:
    """Ends requests or answers that take too long in all; a socket's own timeout limits silence only.

    Args:
        how: which sides of an overdue socket are shut down, as ``socket.shutdown`` takes it.
    """

    def __init__(self, how: int) -> None:
        self._how = how
        self._ends: dict[socket.socket, float] = {}
        self._lock = Lock()

    def start(self, sock: socket.socket, seconds: float) -> None:
        with self._lock:
            self._ends[sock] = monotonic() + seconds

    def stop(self, sock: socket.socket) -> bool:
        """Whether everything came, or went, in time."""
        with self._lock:
            return self._ends.pop(sock, inf) >= 0

    def check(self) -> None:
        """Shut down overdue sockets. The web server calls this about once a second."""
        with self._lock:
            for sock, end in self._ends.items():
                if end < monotonic():
                    with suppress(OSError):
                        sock.shutdown(self._how)
                    self._ends[sock] = -inf


read_deadlines = Deadlines(socket.SHUT_RD)
"""Until when a request is read. An answer can still be sent after that."""

write_deadlines = Deadlines(socket.SHUT_RDWR)
"""Until when an answer is sent. The thread that sends it is woken by an error."""
