"""Passes a request on to its service and the answer back. This is the path that every request pays for."""

from collections.abc import Iterator, Mapping

from chassis.core.errors import Upstream as Unavailable
from chassis.http.identity import HEADER, Signer
from contracts.error_formats import PAGE
from gateway.answers import Answer, Headers, of_status
from gateway.body import read_body
from gateway.headers import passed_back, passed_on
from gateway.request import Request
from gateway.routes import Route
from gateway.settings import GatewaySettings
from gateway.upstream import PIECE, Reply, Upstream

WITH_BODY = ("POST", "PUT", "PATCH")
BODILESS = (204, 304)
SIGN_IN = "x-concord-sign-in"  # what identity says of a sign-in for our count of refused ones; no client sees it


class Proxy:
    """Knows the services of the deployment; one that is missing answers as if it were away."""

    def __init__(self, upstreams: Mapping[str, Upstream], signer: Signer, settings: GatewaySettings) -> None:
        self._upstreams = upstreams
        self._signer = signer
        self._settings = settings

    def forward(self, request: Request, route: Route) -> Answer:
        """The service's answer.

        Raises:
            Failure: the body was refused, or no proper answer came.
        """
        upstream = self._upstreams.get(route.service)
        if upstream is None:
            raise Unavailable("The service is unavailable.", retry_after=30)
        message = self._serialise(request, route, upstream, self.body_of(request, route))
        reply = upstream.ask(request.method, message, read=route.read, total=route.total)
        try:
            return _answer(reply, request, route, upstream)
        except BaseException:
            reply.close()
            raise

    def body_of(self, request: Request, route: Route) -> bytes:
        """The request's body, read once and bounded. Raises as ``read_body``."""
        if request.body is None:
            limit = route.max_body or self._settings.max_body
            request.body = read_body(request.environ, limit, self._settings.body_timeout)
        return request.body

    def _serialise(self, request: Request, route: Route, upstream: Upstream, body: bytes) -> bytes:
        """The bytes that go to the service. The caller's signed identity comes last, so no other header replaces it."""
        lines = [f"{request.method} {request.raw_path}{request.query} HTTP/1.1", f"Host: {upstream.host}"]
        lines += [f"{name}: {value}" for name, value in passed_on(request, route)]
        if body or request.method in WITH_BODY:
            lines.append(f"Content-Length: {len(body)}")
        if request.principal is not None:
            lines.append(f"{HEADER}: {self._signer.sign(request.principal, route.service)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _answer(reply: Reply, request: Request, route: Route, upstream: Upstream) -> Answer:
    headers = passed_back(reply.fields, route)
    if reply.status >= 400 and not _is_json(headers) and not (route.pages and _is_page(headers)):
        reply.close()
        return of_status(reply.status, headers, request)
    if reply.status in (201, 202) or 300 <= reply.status < 400:
        headers = [_public_location(name, value, upstream.base_url) for name, value in headers]
    if request.method == "HEAD" or reply.status in BODILESS:
        reply.close()
        headers += [(name, value) for name, value in reply.fields if name.lower() == "content-length"]
        return Answer(reply.status, headers, [])
    if reply.length is None or reply.length > PIECE:
        return Answer(reply.status, headers + _length(reply), Stream(reply))
    # A small answer is read whole first, so that one that breaks off can still become a 502.
    body = b"".join(iter(reply.read, b"")) if reply.length else b""
    reply.close()
    half_way = any(name.lower() == SIGN_IN for name, _ in reply.fields)
    return Answer(reply.status, headers + _length(reply), [body], half_way)


def _length(reply: Reply) -> Headers:
    return [] if reply.length is None else [("Content-Length", str(reply.length))]


def _is_json(headers: Headers) -> bool:
    """Problems, and the documented error bodies of the older systems (D2) and of OAuth."""
    for name, value in headers:
        if name.lower() == "content-type":
            media_type = value.partition(";")[0].strip().lower()
            return media_type == "application/json" or media_type.endswith("+json")
    return False


def _is_page(headers: Headers) -> bool:
    """A page that the service wrote itself; its server's name no encoding."""
    return any(name.lower() == "content-type" and value == PAGE.media_type for name, value in headers)


def _public_location(name: str, value: str, base_url: str) -> tuple[str, str]:
    """Services know themselves by an address that means nothing outside."""
    inside = name.lower() == "location" and value.startswith(base_url + "/")
    return name, value[len(base_url) :] if inside else value


class Stream:
    """A body passed on piece by piece as it arrives, the first piece already here.

    When the service breaks off, the exception makes the server cut the client's connection: an answer that ended
    early must not look whole.
    """

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._first = reply.read()

    def __iter__(self) -> Iterator[bytes]:
        piece = self._first
        while piece:
            yield piece
            piece = self._reply.read()

    def close(self) -> None:
        self._reply.close()
