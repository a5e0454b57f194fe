"""One HTTP request to a receiver that we do not trust: to a checked address, with one deadline for everything.

Only the head of the answer is read. Redirects are not followed, and the environment's proxies are ignored. Each request
has a connection of its own, so each address was checked.
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
from time import monotonic

from services.notifier.webhooks import ssrf_guard
from services.notifier.webhooks.ssrf_guard import BadTarget, Target

MAX_ADDRESSES = 3  # of one name are tried, within the one deadline


@dataclass(frozen=True, slots=True)
class CallResult:
    """The outcome of a request: a status, or why there is none."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    seconds: float = 0.0


def post(url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, loopback: bool) -> CallResult:
    """POST ``body`` and return the answer, at the latest after ``deadline`` seconds.

    Never raises for what the receiver does. The request, its name lookup included, runs in a thread of its own, whose
    connection is cut at the deadline: a socket's timeout restarts with each byte that a slow receiver sends.
    """
    started = monotonic()
    call = _Call(deadline, loopback)
    answers: SimpleQueue[CallResult] = SimpleQueue()
    Thread(target=lambda: answers.put(call.make(url, body, headers)), name="webhook-call", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline)
    except Empty:
        call.cut()
        answer = CallResult(error=f"There was no answer within {deadline:g} seconds.")
    return CallResult(answer.status, answer.error, answer.retry_after, monotonic() - started)


class _Call:
    def __init__(self, deadline: float, loopback: bool) -> None:
        self._deadline = deadline
        self._loopback = loopback
        self._socket: socket.socket | None = None
        self._over = False

    def make(self, url: str, body: bytes, headers: Mapping[str, str]) -> CallResult:
        try:
            target = ssrf_guard.parse(url, loopback=self._loopback)
            self._connect(target)
            return self._exchange(target, body, headers)
        except BadTarget as error:
            return CallResult(error=str(error))
        except ssl.SSLCertVerificationError:
            return CallResult(error="The receiver's certificate is not valid for its name.")
        except socket.gaierror:
            return CallResult(error="The receiver's name is not known.")
        except TimeoutError:
            return CallResult(error=f"There was no answer within {self._deadline:g} seconds.")
        except (HTTPException, ValueError):
            return CallResult(error="The receiver did not answer with proper HTTP.")
        except OSError:
            return CallResult(error="The receiver cannot be reached, or broke the connection off.")
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

    def _exchange(self, target: Target, body: bytes, headers: Mapping[str, str]) -> CallResult:
        connection = HTTPConnection(target.host, target.port)
        connection.sock, connection.auto_open = self._socket, 0  # so that it never connects by itself
        connection.request("POST", target.path, body, {"Host": target.authority, "Connection": "close", **headers})
        answer = connection.getresponse()
        return CallResult(answer.status, retry_after=answer.getheader("Retry-After"))


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()
