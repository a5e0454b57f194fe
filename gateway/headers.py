"""Which header fields pass the gateway, in both directions.

What belongs to one connection only is taken off first, also what ``Connection`` names; ours are added after that, so
that no client can have them stripped again. Whether a field passes is decided once per name and remembered.
"""

import re
from functools import lru_cache

from gateway.request import Request
from gateway.routes import Route

HOP_BY_HOP = frozenset(
    ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade", "http2-settings"]
)  # fmt: skip
# Credentials, what the gateway writes itself, and what some software takes for the truth about the request.
NOT_PASSED_ON = HOP_BY_HOP | frozenset(
    ["host", "content-length", "content-type", "expect", "authorization", "cookie", "x-api-key", "x-timestamp",
     "x-signature", "forwarded", "via", "proxy", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip",
     "x-request-id", "traceparent", "tracestate", "x-http-method", "x-http-method-override", "x-method-override",
     "x-original-url", "x-rewrite-url", "x-original-host", "x-host"]
)  # fmt: skip
NOT_PASSED_BACK = HOP_BY_HOP | frozenset(
    ["server", "date", "x-powered-by", "via", "x-request-id", "traceparent", "tracestate", "alt-svc", "content-length",
     "strict-transport-security"]
)  # fmt: skip
OURS = ("x-concord-", "x-internal-", "x-forwarded-")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_MEMBER = re.compile(r"[ \t]*,[ \t]*")


def passed_on(request: Request, route: Route) -> list[tuple[str, str]]:
    """The client's fields that are passed on, and ours, which say where the request comes from."""
    environ = request.environ
    of_connection = _connection_options(environ.get("HTTP_CONNECTION", ""))
    fields = [
        (name, value)
        for key, value in environ.items()
        if (name := _wire_name(key)) and _VALUE.fullmatch(value) and name.lower() not in of_connection
    ]
    if "CONTENT_TYPE" in environ and "content-type" not in of_connection:
        fields.append(("Content-Type", environ["CONTENT_TYPE"]))
    scheme = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[0].lower()
    if (route.basic and scheme == "basic") or (route.bearer and scheme == "bearer"):
        fields.append(("Authorization", environ["HTTP_AUTHORIZATION"]))
    if route.cookies and "HTTP_COOKIE" in environ and _VALUE.fullmatch(environ["HTTP_COOKIE"]):
        fields.append(("Cookie", environ["HTTP_COOKIE"]))
    if environ.get("HTTP_TRACEPARENT") == request.traceparent and "HTTP_TRACESTATE" in environ:
        fields.append(("tracestate", environ["HTTP_TRACESTATE"]))
    fields += [
        ("X-Request-Id", request.id),
        ("traceparent", request.traceparent),
        ("X-Concord-Client", request.client),  # one address to count sign-ins by, unlike the whole way below
        ("X-Forwarded-For", request.forwarded_for),
        ("X-Forwarded-Proto", request.scheme),
    ]
    return fields


def passed_back(fields: list[tuple[str, str]], route: Route) -> list[tuple[str, str]]:
    """The service's fields that the client gets to see."""
    of_connection: frozenset[str] = frozenset()
    for name, value in fields:
        if name.lower() == "connection":
            of_connection |= _connection_options(value)
    return [
        (name, value)
        for name, value in fields
        if _comes_back(name, route.cookies) and _VALUE.fullmatch(value) and name.lower() not in of_connection
    ]


@lru_cache(maxsize=1024)
def _wire_name(key: str) -> str | None:
    """The name of a WSGI variable's field, when it is one that is passed on."""
    if not key.startswith("HTTP_"):
        return None
    name = key[5:].replace("_", "-")
    if not _TOKEN.fullmatch(name) or name.lower() in NOT_PASSED_ON or name.lower().startswith(OURS):
        return None
    return name.title()


@lru_cache(maxsize=1024)
def _comes_back(name: str, cookies: bool) -> bool:
    lower = name.lower()
    if lower in ("set-cookie", "set-cookie2"):
        return cookies
    return bool(_TOKEN.fullmatch(name)) and lower not in NOT_PASSED_BACK and not lower.startswith(OURS)


@lru_cache(maxsize=256)
def _connection_options(value: str) -> frozenset[str]:
    return frozenset(_MEMBER.split(value.strip(" \t").lower())) if value else frozenset()
