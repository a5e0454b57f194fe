"""The families of failure. Each is raised with a ``code`` that clients and tests rely on.

``docs/problems.md`` lists every code; ``chassis.http.error_formats`` says how a failure is written.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any


class Failure(Exception):
    """A refused request, with everything that its answer needs.

    Args:
        detail: one sentence for the person who reads the answer; never SQL, paths or secrets.
        code: stable machine-readable reason; defaults to the family's.
        status: of the answer; defaults to the family's.
        errors: per-field problems, ``[{"field": …, "message": …}]``.
        headers: further headers of the answer, e.g. ``Retry-After``.
        more: further members of the answer's body, where its error format has room for them.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    default_code = "internal_error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        status: HTTPStatus | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status or self.status
        super().__init__(detail or self.status.phrase)
        self.detail = detail or self.status.description or self.status.phrase
        self.code = code or self.default_code
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.more = dict(more or {})


class Malformed(Failure):
    """The body is not what its content type says (bad JSON, bad UTF-8, NUL characters)."""

    status = HTTPStatus.BAD_REQUEST
    default_code = "malformed"


class Unauthorized(Failure):
    """The caller is not authenticated."""

    status = HTTPStatus.UNAUTHORIZED
    default_code = "unauthorized"

    def __init__(self, detail: str | None = None, **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class Forbidden(Failure):
    """The caller is known but not allowed: its role (``forbidden``), or the feature is off (``feature_disabled``)."""

    status = HTTPStatus.FORBIDDEN
    default_code = "forbidden"


class NotFound(Failure):
    """Not there for this caller. Says nothing about whether it exists for another one (D5)."""

    status = HTTPStatus.NOT_FOUND
    default_code = "not_found"


class Conflict(Failure):
    """The request is valid, but the current state forbids it."""

    status = HTTPStatus.CONFLICT
    default_code = "conflict"


class Stale(Failure):
    """``If-Match`` names a version that is no longer current (D6)."""

    status = HTTPStatus.PRECONDITION_FAILED
    default_code = "stale_version"


class Invalid(Failure):
    """The request is well-formed but breaks a rule; ``errors`` names the fields."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "validation_failed"

    @classmethod
    def field(cls, field: str, message: str, *, code: str | None = None) -> "Invalid":
        return cls(message, code=code, errors=[{"field": field, "message": message}])


class UnsupportedMedia(Failure):
    """A body in a format or an encoding that is not accepted."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"


class Upstream(Failure):
    """A service or database that the answer needs is away; the same request works later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "upstream_unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: int = 5, **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.headers.setdefault("Retry-After", str(retry_after))
