"""One service behind the gateway: its connections, how many requests it gets at once, and its circuit breaker."""

import math
from collections import deque
from http import HTTPStatus
from http.client import HTTPResponse
from threading import BoundedSemaphore
from time import monotonic
from urllib.parse import urlsplit

from chassis.core.errors import Failure
from chassis.core.errors import Upstream as Unavailable
from gateway import telemetry
from gateway.breaker import Breaker
from gateway.connection import BROKEN, Connection
from gateway.settings import GatewaySettings

SAFE = ("GET", "HEAD", "OPTIONS")
IDEMPOTENT = (*SAFE, "PUT", "DELETE")
PIECE = 64 * 1024
SLOW_CLIENT = 1.0  # seconds; a client that takes less between all pieces keeps no service waiting


class Pace:
    """Who keeps the body of an answer waiting: the service that sends it, or the client that takes it."""

    def __init__(self) -> None:
        self._service = self._client = 0.0
        self._since = monotonic()

    def service_begins(self) -> None:
        """The client has taken what there was."""
        now = monotonic()
        self._client += now - self._since
        self._since = now

    def client_begins(self) -> None:
        """The service has sent a piece."""
        now = monotonic()
        self._service += now - self._since
        self._since = now

    @property
    def is_clients(self) -> bool:
        """Whether most of the time so far was the client's, and at least ``SLOW_CLIENT``; ask it while the service is
        waited for."""
        service = self._service + monotonic() - self._since
        return self._client >= SLOW_CLIENT and self._client > service


class Reply:
    """A service's answer whose body may still be under way. ``close`` it to free its connection and its place."""

    def __init__(self, answer: HTTPResponse, connection: Connection, upstream: "Upstream") -> None:
        self.status = answer.status
        self.fields = answer.getheaders()
        self.length = answer.length  # None when it is not known before the end
        self._answer = answer
        self._left = answer.length
        self._pace = Pace()
        self._connection: Connection | None = connection
        self._upstream = upstream

    def read(self) -> bytes:
        """The next piece of the body as soon as there is one, at most 64 KiB; empty at the end.

        Raises:
            Failure: 502 or 504, the body ends too early, or comes too slowly.
        """
        self._pace.service_begins()
        try:
            piece = self._answer.read1(PIECE)
        except TimeoutError as error:
            raise self._failed("timeout", _slow()) from error
        except BROKEN as error:
            raise self._cut() from error
        self._pace.client_begins()
        if self._left is not None:
            self._left -= len(piece)
            if not piece and self._left > 0:
                raise self._cut()
        return piece

    def _cut(self) -> Exception:
        return self._failed("cut", _broken("The service's response was cut off."))

    def _failed(self, kind: str, failure: Exception) -> Exception:
        """Count why the body ends early. A service ends an answer that nobody reads, and the total time passes while
        nobody does: neither says that the service is ill, so the circuit stays closed."""
        if self._pace.is_clients:
            return self._upstream.count("client", failure)
        return self._upstream.count_failure(kind, failure)

    def close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        complete = self._answer.isclosed() or self._left == 0
        reusable = complete and not self._answer.will_close
        self._answer.close()
        self._upstream.give_back(connection, reusable=reusable)


class Upstream:
    """Asks one service, within the limits of ``settings``."""

    def __init__(self, name: str, base_url: str, settings: GatewaySettings, in_flight: int) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"the address of {name} must look like http://host:port")
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.host = parts.netloc
        self._address = (parts.hostname, parts.port or 80)
        self._settings = settings
        self._idle: deque[Connection] = deque(maxlen=in_flight)
        self._places = BoundedSemaphore(in_flight)
        self._in_flight = telemetry.upstream_in_flight.labels(name)
        self._breaker = Breaker(
            settings.breaker_failures, settings.breaker_pause, lambda state: telemetry.note_breaker(name, state)
        )
        telemetry.breaker_state.labels(name).set(0)

    def ask(self, method: str, request: bytes, *, read: float | None = None, total: float | None = None) -> Reply:
        """Send a request written out whole; the reply's head is read, its body is not.

        Raises:
            Failure: 503 when it is not reachable, its circuit is open or too many requests are under way, 502 or 504
                when no proper answer came.
        """
        if not self._places.acquire(timeout=self._settings.slot_wait):
            raise self.count("full", Unavailable("The service is overloaded.", retry_after=1))
        self._in_flight.inc()
        try:
            if not self._breaker.admit():
                pause = math.ceil(self._breaker.retry_after) or 1
                raise self.count("open", Unavailable("The service is unavailable.", retry_after=pause))
            return self._ask(method, request, read or self._settings.read_timeout, self._deadline(total))
        except BaseException:
            self._leave()
            raise

    def count(self, kind: str, failure: Exception) -> Exception:
        telemetry.upstream_failures.labels(self.name, kind).inc()
        return failure

    def count_failure(self, kind: str, failure: Exception) -> Exception:
        """Count a failure of the service; its circuit breaker counts it too."""
        self._breaker.failed()
        return self.count(kind, failure)

    def give_back(self, connection: Connection, *, reusable: bool) -> None:
        if reusable and len(self._idle) < (self._idle.maxlen or 0):
            connection.idle_since = monotonic()
            self._idle.append(connection)
        else:
            connection.close()
        self._leave()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _leave(self) -> None:
        self._in_flight.dec()
        self._places.release()

    def _deadline(self, total: float | None) -> float:
        return monotonic() + (total or self._settings.total_timeout)

    def _ask(self, method: str, request: bytes, read: float, deadline: float) -> Reply:
        connection = self._idle_connection() or self._connect(method, deadline)
        while True:
            reused = connection.used
            try:
                answer = connection.exchange(method, request, read=read, deadline=deadline)
            except TimeoutError as error:
                connection.close()
                raise self.count_failure("timeout", _slow()) from error
            except BROKEN as error:
                connection.close()
                # A kept connection may have ended just now; what changes nothing is sent again, on a new one.
                if not (reused and method in SAFE):
                    raise self.count_failure("broken", _broken("The service sent an invalid response.")) from error
                connection = self._connect(method, deadline)
            else:
                self._breaker.succeeded()
                return Reply(answer, connection, self)

    def _idle_connection(self) -> Connection | None:
        oldest = monotonic() - self._settings.idle_connection
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if connection.idle_since > oldest and connection.is_quiet():
                return connection
            connection.close()
        return None

    def _connect(self, method: str, deadline: float) -> Connection:
        """A new connection. Failing, it is tried once more, unless the request must never be sent twice."""
        for tries_left in (1, 0) if method in IDEMPOTENT else (0,):
            try:
                timeout = min(self._settings.connect_timeout, deadline - monotonic())
                return Connection(*self._address, max(0.001, timeout))
            except OSError as error:
                if not tries_left:
                    raise self.count_failure("unreachable", Unavailable("The service is unavailable.")) from error
        raise AssertionError("unreachable")


def _slow() -> Failure:
    return Failure("The service is too slow.", status=HTTPStatus.GATEWAY_TIMEOUT, code="upstream_timeout")


def _broken(detail: str) -> Failure:
    return Failure(detail, status=HTTPStatus.BAD_GATEWAY, code="upstream_broken")
