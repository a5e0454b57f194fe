"""What goes back to the client, and how a failure looks there."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from chassis.errors import MEDIA_TYPE, Failure, problem

Headers = list[tuple[str, str]]
STATUS_LINES = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}
# How a service's answer that is no problem yet is called; other statuses go by their phrase.
CODES = {400: "malformed", 422: "validation_failed", 500: "internal_error",
         502: "upstream_broken", 503: "upstream_unavailable", 504: "upstream_timeout"}  # fmt: skip
STILL_TRUE = ("allow", "retry-after", "www-authenticate")


@dataclass(slots=True)
class Answer:
    """``body`` is closed by the server when it has a ``close``."""

    status: int
    headers: Headers
    body: Iterable[bytes]


def of_failure(failure: Failure, request_id: str) -> Answer:
    """The problem answer of a failure."""
    return _problem(int(failure.status), failure.code, failure.detail, list(failure.headers.items()), request_id)


def of_status(status: int, headers: Headers, request_id: str) -> Answer:
    """A problem in place of an error page; what still means something of the page's own headers is kept."""
    phrase = HTTPStatus(status).phrase
    code = CODES.get(status) or phrase.lower().replace(" ", "_").replace("-", "_")
    kept = [(name, value) for name, value in headers if name.lower() in STILL_TRUE]
    return _problem(status, code, f"The service answered: {phrase}.", kept, request_id)


def of_json(body: object) -> Answer:
    data = json.dumps(body).encode()
    return Answer(200, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], [data])


def _problem(status: int, code: str, detail: str, headers: Headers, request_id: str) -> Answer:
    """``http-contract.md``: failures of services (502, 503, 504) say when to come back."""
    data = json.dumps(problem(status, code, detail, request_id=request_id), separators=(",", ":")).encode()
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(data))), *headers]
    if status in (502, 503, 504) and not any(name.lower() == "retry-after" for name, _ in headers):
        headers.append(("Retry-After", "5"))
    return Answer(status, headers, [data])
