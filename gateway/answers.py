"""What goes back to the client, and how a failure looks there."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from chassis.core.clock import utcnow
from chassis.core.errors import Failure
from chassis.http import error_formats
from gateway.request import Request

Headers = list[tuple[str, str]]
STATUS_LINES = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}
# Problem codes for a service's error pages; other statuses are named after their phrase.
CODES = {400: "malformed", 422: "validation_failed", 500: "internal_error",
         502: "upstream_broken", 503: "upstream_unavailable", 504: "upstream_timeout"}  # fmt: skip
STILL_TRUE = ("allow", "retry-after", "www-authenticate")


@dataclass(slots=True)
class Answer:
    """``body`` is closed by the server when it has a ``close``.

    ``half_way``: a sign-in whose password was right, and that wants a second factor besides; it was not refused.
    """

    status: int
    headers: Headers
    body: Iterable[bytes]
    half_way: bool = False


def of_failure(failure: Failure, request: Request) -> Answer:
    """The answer of a failure, in the error format of the request's route.

    ``http-contract.md``: failures of services (502, 503, 504) say when to come back.
    """
    path = request.path or request.target.partition("?")[0]  # as it was sent, where it was refused itself
    answer = error_formats.write(request.error_format, failure, request_id=request.id, path=path, now=utcnow())
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, separators=(",", ":"))
    data = body.encode()
    headers = [("Content-Type", answer.media_type), ("Content-Length", str(len(data))), *failure.headers.items()]
    headers += answer.headers.items()
    if answer.status in (502, 503, 504) and not any(name.lower() == "retry-after" for name, _ in headers):
        headers.append(("Retry-After", "5"))
    return Answer(int(answer.status), headers, [data])


def of_status(status: int, headers: Headers, request: Request) -> Answer:
    """A failure in place of a service's error page; only the headers in ``STILL_TRUE`` are kept."""
    phrase = HTTPStatus(status).phrase
    passed_on = {name: value for name, value in headers if name.lower() in STILL_TRUE}
    code = CODES.get(status) or phrase.lower().replace(" ", "_").replace("-", "_")
    failure = Failure(f"The service answered: {phrase}.", code=code, status=HTTPStatus(status), headers=passed_on)
    return of_failure(failure, request)
