"""One request to a webhook's receiver, and its outcome. Only the head of the answer is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from chassis.http import untrusted


@dataclass(frozen=True, slots=True)
class CallResult:
    """The outcome of a request: a status, or why there is none."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    seconds: float = 0.0


def post(url: str, body: bytes, headers: Mapping[str, str], *, deadline: float, loopback: bool) -> CallResult:
    """POST ``body`` and return the answer, at the latest after ``deadline`` seconds.

    Never raises for what the receiver does.
    """
    started = monotonic()
    try:
        answer = untrusted.call("POST", url, body, headers, deadline=deadline, loopback=loopback)
    except untrusted.NoAnswer as failure:
        return CallResult(error=str(failure), seconds=monotonic() - started)
    return CallResult(answer.status, retry_after=answer.headers.get("retry-after"), seconds=monotonic() - started)
