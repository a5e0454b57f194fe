"""Cross-origin requests of browsers: allowed for the configured origins only, never with cookies."""

from gateway.answers import Answer, Headers
from gateway.request import METHODS, Request

ALLOWED_HEADERS = (
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Idempotency-Key, X-Request-Id"
)
EXPOSED_HEADERS = (
    "ETag, Location, Link, Retry-After, RateLimit, X-Request-Id, Idempotent-Replayed, Concord-Waited, Concord-Warnings"
)
MAX_AGE = "600"


def preflight(request: Request, origins: frozenset[str]) -> Answer | None:
    """The answer to a browser's question before the real request; None when this is no such question."""
    environ = request.environ
    if request.method != "OPTIONS" or "HTTP_ORIGIN" not in environ:
        return None
    if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ:
        return None
    headers: Headers = []
    if environ["HTTP_ORIGIN"] in origins:
        headers = [
            ("Access-Control-Allow-Methods", ", ".join(METHODS)),
            ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
            ("Access-Control-Max-Age", MAX_AGE),
        ]
    return Answer(204, headers, [])


def headers_for(request: Request, origins: frozenset[str]) -> Headers:
    """What every answer says to a browser."""
    if not origins:
        return []
    origin = request.environ.get("HTTP_ORIGIN")
    if origin not in origins:
        return [("Vary", "Origin")]
    return [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", EXPOSED_HEADERS),
    ]
