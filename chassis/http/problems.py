"""RFC 9457 problem details, the error format of every route that does not stand in for a documented system."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://docs.concord.example/problems#"


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The body of a problem answer."""
    body: dict[str, Any] = {
        "type": TYPE_BASE + code,
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "requestId": request_id,
    }
    if errors:
        body["errors"] = list(errors)
    return body
