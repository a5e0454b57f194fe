"""One HTTP request to a server that we do not trust: to a checked address, with one deadline for everything.

For addresses that a tenant has typed: receivers of webhooks, identity providers. Redirects are not followed, and the
environment's proxies are ignored. Each request has a connection of its own, so each address was checked. Of the body
of the answer no more is read than was asked for.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from threading import Thread

from chassis.http import ssrf_guard
from chassis.http.ssrf_guard import BadTarget, Target

MAX_ADDRESSES = 3  # of one name are tried, within the one deadline


class NoAnswer(Exception):
    """There is no answer; the message says why in a sentence for the owner of the address."""


@dataclass(frozen=True, slots=True)
class Reply:
    """``headers`` by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    deadline: float,
    loopback: bool,
    max_body: int = 0,
) -> Reply:
    """Send a request and return the answer, at the latest after ``deadline`` seconds.

    The request, its name lookup included, runs in a thread of its own, whose connection is cut at the deadline: a
    socket's timeout restarts with each byte that a slow server sends.

    Args:
        loopback: as for ``ssrf_guard.parse``.
        max_body: bytes of the answer's body; 0 to read none of it, however long it is.

    Raises:
        NoAnswer: for whatever the server does or fails to do, also a body longer than ``max_body``.
    """
    request = _Call(deadline, loopback, max_body)
    answers: SimpleQueue[Reply | NoAnswer] = SimpleQueue()
    Thread(target=lambda: answers.put(request.make(method, url, body, headers)), name="call", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline)
    except Empty:
        request.cut()
        raise NoAnswer(f"There was no answer within {deadline:g} seconds.") from None
    if isinstance(answer, NoAnswer):
        raise answer
    return answer


class _Call:
    def __init__(self, deadline: float, loopback: bool, max_body: int) -> None:
        self._deadline = deadline
        self._loopback = loopback
        self._max_body = max_body
        self._socket: socket.socket | None = None
        self._over = False

    def make(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply | NoAnswer:
        try:
            target = ssrf_guard.parse(url, loopback=self._loopback)
            self._connect(target)
            return self._exchange(method, target, body, headers)
        except (BadTarget, NoAnswer) as error:
            return NoAnswer(str(error))
        except ssl.SSLCertVerificationError:
            return NoAnswer("The receiver's certificate is not valid for its name.")
        except socket.gaierror:
            return NoAnswer("The receiver's name is not known.")
        except TimeoutError:
            return NoAnswer(f"There was no answer within {self._deadline:g} seconds.")
        except (HTTPException, ValueError):
            return NoAnswer("The receiver did not answer with proper HTTP.")
        except OSError:
            return NoAnswer("The receiver cannot be reached, or broke the connection off.")
        finally:
            if self._socket is not None:
                self._socket.close()

    def cut(self) -> None:
        """End whatever the call is waiting for."""
        self._over = True
        if self._socket is not None:
            with suppress(OSError):  # it has ended meanwhile
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connect(self, target: Target) -> None:
        addresses = ssrf_guard.resolve(target, loopback=self._loopback)[:MAX_ADDRESSES]
        for number, address in enumerate(addresses, start=1):
            try:
                self._hold(socket.create_connection((address, target.port), self._deadline / len(addresses)))
                break
            except OSError:
                if number == len(addresses):
                    raise
        assert self._socket is not None
        self._socket.settimeout(self._deadline)
        if target.scheme == "https":
            wrapped = tls_context().wrap_socket(
                self._socket, server_hostname=target.host, do_handshake_on_connect=False
            )
            self._hold(wrapped)
            wrapped.do_handshake()

    def _hold(self, connected: socket.socket) -> None:
        """From now on ``cut`` ends this connection; it may have been called already."""
        self._socket = connected
        if self._over:
            raise TimeoutError

    def _exchange(self, method: str, target: Target, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        connection = HTTPConnection(target.host, target.port)
        connection.sock, connection.auto_open = self._socket, 0  # so that it never connects by itself
        connection.request(method, target.path, body, {"Host": target.authority, "Connection": "close", **headers})
        answer = connection.getresponse()
        content = answer.read(self._max_body + 1) if self._max_body else b""
        if len(content) > self._max_body:
            raise NoAnswer(f"The answer is longer than {self._max_body} bytes.")
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()
