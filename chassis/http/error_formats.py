"""Error formats: how a failure is written. Most routes use RFC 9457; compatible APIs keep the format of the system
they replace (D2).

A ``Blueprint`` chooses one for everything under its prefix and a gateway ``Route`` the same one, so that a client of
such a system sees one format, whether the gateway or the service refuses a request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from chassis.core.errors import Failure

KEPT_UNPROCESSABLE = ("invalid_idempotency_key", "idempotency_key_reused")
"""D7 promises 422 for these in every system."""


def sentence(error: Mapping[str, str]) -> str:
    """What is wrong with one field."""
    return f"{error['field']}: {error['message']}" if error["field"] else error["message"]


@dataclass(frozen=True)
class Refusal:
    """A failure with what its answer may show of the request."""

    failure: Failure
    status: HTTPStatus
    request_id: str | None
    path: str
    now: datetime

    @property
    def sentences(self) -> list[str]:
        """One for each field that is wrong, else what the failure says."""
        errors = [sentence(error) for error in self.failure.errors]
        return errors or [self.failure.detail]


@dataclass(frozen=True, eq=False)
class ErrorFormat:
    """One shape.

    Attributes:
        invalid: the status of what breaks a rule of the request's shape.
        component: its name in OpenAPI; ``schema`` is what stands there.
        headers: what every such answer has besides.
    """

    media_type: str
    invalid: HTTPStatus
    component: str
    schema: Mapping[str, Any]
    body: Callable[[Refusal], dict[str, Any] | str]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> dict[str, str]:
        """Where its schema stands in an OpenAPI document."""
        return {"$ref": f"#/components/schemas/{self.component}"}


@dataclass(frozen=True)
class Written:
    """``body`` is JSON, or text as it is sent."""

    status: HTTPStatus
    media_type: str
    body: dict[str, Any] | str
    headers: Mapping[str, str]


def write(shape: ErrorFormat, failure: Failure, *, request_id: str | None, path: str, now: datetime) -> Written:
    """A failure in this format."""
    status = failure.status
    if status is HTTPStatus.UNPROCESSABLE_ENTITY and failure.code not in KEPT_UNPROCESSABLE:
        status = shape.invalid
    body = shape.body(Refusal(failure, status, request_id, path, now))
    return Written(status, shape.media_type, body, shape.headers)


def object_of(required: Mapping[str, Any], description: str, **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": list(required),
        "properties": {**required, **optional},
    }


TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def list_of(*names: str) -> dict[str, Any]:
    return {"type": "array", "items": object_of(dict.fromkeys(names, TEXT), "One field's fault.")}


TYPE_BASE = "https://docs.concord.example/problems#"


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """RFC 9457 problem details."""
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


def _problem(refusal: Refusal) -> dict[str, Any]:
    failure = refusal.failure
    body = problem(refusal.status, failure.code, failure.detail, request_id=refusal.request_id, errors=failure.errors)
    return dict(failure.more) | body


PROBLEM = ErrorFormat(
    "application/problem+json",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "Problem",
    object_of(
        {"type": TEXT, "title": TEXT, "status": NUMBER, "detail": TEXT, "code": TEXT,
         "requestId": {"type": "string", "nullable": True}},
        "RFC 9457 problem details. `code` is stable; `errors` names fields.",
        errors=list_of("field", "message"),
    ),
    _problem,
)  # fmt: skip
