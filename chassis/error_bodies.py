"""The wire shapes of a refusal, by name: ours, and those that documented systems bring along (D2).

A ``Blueprint`` chooses one for everything under its prefix and a gateway ``Route`` the same one, so that a client of
such a system meets one shape whoever refuses it. Everything else is a problem (RFC 9457).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from chassis.errors import MEDIA_TYPE, Failure, problem

PROBLEM = "problem"
MERCHANT = "merchant"
STORES = "stores"
MARKETING = "marketing"

FAMILIES = {"merchant": MERCHANT, "stores": STORES, "marketing": MARKETING, "shops": MARKETING}
"""The shape of what lies below a path's first segment and belongs to no endpoint."""

KEPT_UNPROCESSABLE = ("invalid_idempotency_key", "idempotency_key_reused")
"""D7 promises 422 for these in every system."""


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
        """One a field for validation, else the one there is."""
        found = [f"{one['field']}: {one['message']}" if one["field"] else one["message"] for one in self.failure.errors]
        return found or [self.failure.detail]


@dataclass(frozen=True)
class ErrorBody:
    """One shape.

    Attributes:
        invalid: the status of what breaks a rule of the request's shape.
        component: its name in OpenAPI; ``schema`` is what stands there.
    """

    media_type: str
    invalid: HTTPStatus
    component: str
    schema: Mapping[str, Any]
    body: Callable[[Refusal], dict[str, Any]]


@dataclass(frozen=True)
class Written:
    status: HTTPStatus
    media_type: str
    body: dict[str, Any]


def write(name: str, failure: Failure, *, request_id: str | None, path: str, now: datetime) -> Written:
    """A failure in the shape called ``name``."""
    shape = ERROR_BODIES[name]
    status = failure.status
    if status is HTTPStatus.UNPROCESSABLE_ENTITY and failure.code not in KEPT_UNPROCESSABLE:
        status = shape.invalid
    body = shape.body(Refusal(failure, status, request_id, path, now))
    return Written(status, shape.media_type, body)


def of_path(path: str) -> str | None:
    """The shape of the documented system that a path seems to belong to; None where it is none of them."""
    return FAMILIES.get(path.partition("?")[0].lstrip("/").partition("/")[0])


def _problem(refusal: Refusal) -> dict[str, Any]:
    failure = refusal.failure
    body = problem(refusal.status, failure.code, failure.detail, request_id=refusal.request_id, errors=failure.errors)
    return dict(failure.more) | body


def _merchant(refusal: Refusal) -> dict[str, Any]:
    """S2-29."""
    return {"statusCode": int(refusal.status), "message": refusal.sentences, "error": refusal.status.phrase}


def _stores(refusal: Refusal) -> dict[str, Any]:
    """S3-11 … S3-14: ``more`` holds what the document adds to a code, such as ``campaign_id``.

    A VALIDATION_ERROR always has ``validation_errors``; a fault of the whole body stands there as the field ``body``.
    """
    failure = refusal.failure
    body: dict[str, Any] = {"success": False, "message": failure.detail, "error_code": failure.code.upper()}
    if failure.code in ("validation_failed", "malformed"):
        faults = failure.errors or [{"field": "", "message": failure.detail}]
        body |= {
            "message": "Field validation failed",
            "error_code": "VALIDATION_ERROR",
            "validation_errors": [{"field": one["field"] or "body", "error": one["message"]} for one in faults],
        }
    return body | dict(failure.more)


def _marketing(refusal: Refusal) -> dict[str, Any]:
    """S4-18: a 401 says no more than its name, and what is wrong with a field begins with ``error:``."""
    message = refusal.failure.detail
    if refusal.status is HTTPStatus.UNAUTHORIZED:
        message = refusal.status.phrase
    elif refusal.failure.errors:
        message = "error: " + "; ".join(refusal.sentences)
    return {
        "error": refusal.status.phrase,
        "message": message,
        "path": refusal.path,
        "status": int(refusal.status),
        "timestamp": int(refusal.now.timestamp() * 1000),
    }


def _object(required: Mapping[str, Any], description: str, **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": list(required),
        "properties": {**required, **optional},
    }


_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}


def _list_of(*names: str) -> dict[str, Any]:
    return {"type": "array", "items": _object(dict.fromkeys(names, _TEXT), "One field's fault.")}


ERROR_BODIES: Mapping[str, ErrorBody] = {
    PROBLEM: ErrorBody(
        MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Problem",
        _object(
            {"type": _TEXT, "title": _TEXT, "status": _NUMBER, "detail": _TEXT, "code": _TEXT,
             "requestId": {"type": "string", "nullable": True}},
            "RFC 9457 problem details. `code` is stable; `errors` names fields.",
            errors=_list_of("field", "message"),
        ),
        _problem,
    ),
    MERCHANT: ErrorBody(
        "application/json",
        HTTPStatus.BAD_REQUEST,
        "MerchantError",
        _object(
            {"statusCode": _NUMBER, "message": {"type": "array", "items": _TEXT}, "error": _TEXT},
            "An error of the Merchant API.",
        ),
        _merchant,
    ),
    STORES: ErrorBody(
        "application/json",
        HTTPStatus.BAD_REQUEST,
        "StoresError",
        _object(
            {"success": {"type": "boolean"}, "message": _TEXT, "error_code": _TEXT},
            "An error of the stores service. `error_code` is stable.",
            campaign_id=_TEXT,
            current_status=_TEXT,
            validation_errors=_list_of("field", "error"),
        ),
        _stores,
    ),
    MARKETING: ErrorBody(
        "application/json",
        HTTPStatus.BAD_REQUEST,
        "MarketingError",
        _object(
            {"error": _TEXT, "message": _TEXT, "path": _TEXT, "status": _NUMBER,
             "timestamp": {"type": "integer", "format": "int64"}},
            "An error of the marketing API; `timestamp` in milliseconds.",
        ),
        _marketing,
    ),
}  # fmt: skip
