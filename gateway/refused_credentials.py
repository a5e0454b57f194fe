"""Counts refused credentials against the network they come from, so that nobody tries many of them out (ADR 26)."""

import json
from http import HTTPStatus

from gateway.answers import Answer
from gateway.limiting import Limit, Limiter
from gateway.request import Request
from gateway.routes import Route

FOREIGN = ("cross-site", "same-site")
"""``Sec-Fetch-Site`` of what a page of another origin had a browser send."""


class RefusedCredentials:
    """Two counts: a directory with a wrong token must not close the sign-in of the people behind its address."""

    def __init__(self, limiter: Limiter, limit: str) -> None:
        self._limiter = limiter
        self._sign_ins = Limit("sign-in", limit)
        self._directories = Limit("directory", limit)

    def check(self, request: Request, route: Route) -> None:
        """Let a request try its credential.

        Raises:
            TooMany: too many from this network were refused.
        """
        if limit := self._limit(request, route):
            self._limiter.check(limit, request.network)

    def note(self, request: Request, route: Route, answer: Answer) -> None:
        """Count a request whose credential the service has refused."""
        limit = self._limit(request, route)
        if limit and _is_refused(answer) and not _is_foreign(request):
            self._limiter.note(limit, request.network)

    def _limit(self, request: Request, route: Route) -> Limit | None:
        """What the request is counted in; None where it tries no credential."""
        if route.bearer and "HTTP_AUTHORIZATION" in request.environ:
            return self._directories
        return self._sign_ins if route.sign_in and request.method == "POST" else None


def _is_refused(answer: Answer) -> bool:
    """Whether a credential was wrong. A form with a mistake in it has tried none."""
    if answer.half_way:
        return False
    return answer.status == HTTPStatus.UNAUTHORIZED or _is_invalid_grant(answer)


def _is_invalid_grant(answer: Answer) -> bool:
    """OAuth answers 400 both to a wrong password and to a bad form (RFC 6749, 5.2); the error tells them apart."""
    if answer.status != HTTPStatus.BAD_REQUEST or not isinstance(answer.body, list):
        return False
    try:
        error = json.loads(b"".join(answer.body))
    except ValueError:
        return False
    return isinstance(error, dict) and error.get("error") == "invalid_grant"


def _is_foreign(request: Request) -> bool:
    """Whether a page of another origin had a browser send it: it must not use up the limit of its reader's network.

    A client that is no browser may claim this and is not counted here; identity counts its tries all the same.
    """
    return request.environ.get("HTTP_SEC_FETCH_SITE") in FOREIGN
