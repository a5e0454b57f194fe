"""The error formats of the documented systems that parts of the platform stand in for (D2), and the page for people."""

from http import HTTPStatus
from typing import Any

from chassis.http.error_formats import NUMBER, PROBLEM, TEXT, ErrorFormat, Refusal, list_of, object_of


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
            "validation_errors": [{"field": fault["field"] or "body", "error": fault["message"]} for fault in faults],
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


SCIM_TYPES = {
    "email_taken": "uniqueness",
    "malformed": "invalidSyntax",
    "validation_failed": "invalidValue",
    "role_does_not_fit": "invalidValue",
}


def _scim(refusal: Refusal) -> dict[str, Any]:
    """RFC 7644, 3.12: ``more`` may hold a ``scimType``."""
    scim_type = SCIM_TYPES.get(refusal.failure.code)
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(int(refusal.status)),
        **({"scimType": scim_type} if scim_type else {}),
        "detail": "; ".join(refusal.sentences),
        **refusal.failure.more,
    }


PAGE_TEXT = {
    HTTPStatus.NOT_FOUND: ("This link leads nowhere", "It may be mistyped or no longer valid."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Too many visits at once", "Please wait a moment and follow the link again."),
}
NOT_NOW = ("This link does not work just now", "Please try again in a few minutes.")
NOT_THIS_WAY = ("This link cannot be opened this way", "Please open it exactly as you received it.")


def _page(refusal: Refusal) -> str:
    """D64: a small page for a person, without anything of the request in it. Its words go by the status alone, so that
    the gateway and the service answer alike."""
    usual = NOT_NOW if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR else NOT_THIS_WAY
    title, advice = PAGE_TEXT.get(refusal.status, usual)
    return PAGE_HTML.format(title=title, advice=advice)


PAGE_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}}</style>
</head>
<body>
<main><h1>{title}</h1><p>{advice}</p></main>
</body>
</html>
"""


# fmt: off
MERCHANT = ErrorFormat(
    "application/json",
    HTTPStatus.BAD_REQUEST,
    "MerchantError",
    object_of(
        {"statusCode": NUMBER, "message": {"type": "array", "items": TEXT}, "error": TEXT},
        "An error of the Merchant API.",
    ),
    _merchant,
)

STORES = ErrorFormat(
    "application/json",
    HTTPStatus.BAD_REQUEST,
    "StoresError",
    object_of(
        {"success": {"type": "boolean"}, "message": TEXT, "error_code": TEXT},
        "An error of the stores service. `error_code` is stable.",
        campaign_id=TEXT,
        current_status=TEXT,
        validation_errors=list_of("field", "error"),
    ),
    _stores,
)

MARKETING = ErrorFormat(
    "application/json",
    HTTPStatus.BAD_REQUEST,
    "MarketingError",
    object_of(
        {"error": TEXT, "message": TEXT, "path": TEXT, "status": NUMBER,
         "timestamp": {"type": "integer", "format": "int64"}},
        "An error of the marketing API; `timestamp` in milliseconds.",
    ),
    _marketing,
)

SCIM = ErrorFormat(
    "application/scim+json",
    HTTPStatus.BAD_REQUEST,
    "ScimError",
    object_of(
        {"schemas": {"type": "array", "items": TEXT}, "status": TEXT, "detail": TEXT},
        "An error of SCIM (RFC 7644, 3.12).",
        scimType=TEXT,
    ),
    _scim,
)

PAGE = ErrorFormat(
    "text/html; charset=utf-8",
    HTTPStatus.BAD_REQUEST,
    "Page",
    {"type": "string", "description": "A small page for people."},
    _page,
    {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
)

# fmt: on

ERROR_FORMATS = (PROBLEM, MERCHANT, STORES, MARKETING, SCIM, PAGE)

FAMILIES = {"merchant": MERCHANT, "stores": STORES, "marketing": MARKETING, "shops": MARKETING, "scim": SCIM}
"""The shape of what lies below a path's first segment and belongs to no endpoint."""


def of_path(path: str) -> ErrorFormat | None:
    """The shape of the documented system that a path seems to belong to; None where it is none of them."""
    return FAMILIES.get(path.partition("?")[0].lstrip("/").partition("/")[0])
