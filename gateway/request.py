"""One request as the gateway sees it, read from the WSGI environment."""

from typing import Any

from chassis.core.context import accept_request_id, accept_traceparent
from chassis.core.networks import bare_address, network_of
from chassis.core.principal import Principal
from chassis.http.error_formats import PROBLEM
from gateway.settings import Network, contains

Environ = dict[str, Any]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Request:
    """What every later step needs. ``route`` and ``principal`` are filled in as they become known.

    Attributes:
        id: the client's request id when it is well-formed, else a new one.
        traceparent: the client's trace when it is valid, else the start of a new one.
        body: the whole body, once it has been read.
        target: the request line's target as it was sent, not decoded.
        path: the target's path in the one encoding of ``chassis.http.paths``; the gateway routes on it.
        raw_path: the same path as the client sent it. Services get this one and check the escapes in it themselves.
        client: the client's address; what a proxy says about it counts only when the proxy is trusted.
        route: the route's path for logs and metrics, ``none`` when there is none.
        error_format: how the gateway writes a failure of this request (``chassis.http.error_formats``).
    """

    __slots__ = (
        "body", "client", "environ", "error_format", "id", "method", "path", "peer", "peer_is_trusted", "principal",
        "query", "raw_path", "route", "target", "traceparent",
    )  # fmt: skip

    def __init__(self, environ: Environ, trusted_proxies: tuple[Network, ...]) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.id = accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        self.traceparent = accept_traceparent(environ.get("HTTP_TRACEPARENT"))
        self.target: str = environ["RAW_URI"]
        self.path = self.raw_path = ""
        self.body: bytes | None = None
        self.query = ""
        self.peer: str = environ.get("REMOTE_ADDR", "")
        self.peer_is_trusted = bool(trusted_proxies) and contains(trusted_proxies, self.peer)
        self.client = self._client(trusted_proxies) if self.peer_is_trusted else self.peer
        self.route = "none"
        self.error_format = PROBLEM
        self.principal: Principal | None = None

    @property
    def known_method(self) -> str:
        """The method for metrics, whose labels a client must not be able to multiply."""
        return self.method if self.method in METHODS else "other"

    @property
    def network(self) -> str:
        """What limits count by: who has one IPv6 address has a whole network of them."""
        return network_of(self.client)

    @property
    def scheme(self) -> str:
        protocol = self.environ.get("HTTP_X_FORWARDED_PROTO") if self.peer_is_trusted else None
        return protocol if protocol in ("http", "https") else "http"

    @property
    def forwarded_for(self) -> str:
        """The way the request came, for the service: ours, after what a trusted proxy says."""
        way = self.environ.get("HTTP_X_FORWARDED_FOR") if self.peer_is_trusted else None
        return f"{way}, {self.peer}" if way else self.peer

    def _client(self, trusted_proxies: tuple[Network, ...]) -> str:
        """The last address on the way that is not one of our proxies."""
        hops = self.environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        way = [bare_address(hop) for hop in hops if hop.strip()]  # some proxies add the port, which is not the client
        for hop in reversed(way):
            if not contains(trusted_proxies, hop):
                return hop
        return way[0] if way else self.peer
