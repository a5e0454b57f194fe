"""Lets a library that asks by ``requests`` ask a server that we do not trust (``chassis.http.untrusted``)."""

import io
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from chassis.http import untrusted

AskFailed = requests.RequestException
"""What a guarded session raises when there is no answer, or one that is not what the library expects."""


def guard(session: requests.Session, *, deadline: float, max_body: int, loopback: bool) -> None:
    """Send all that a session asks through the SSRF guard, without redirects, proxies and the usual headers.

    Args:
        deadline: seconds for one answer.
        max_body: bytes of one.
        loopback: as for ``ssrf_guard.parse``.
    """
    session.trust_env = False
    session.headers = CaseInsensitiveDict({"Accept": "application/json", "User-Agent": "Concord"})
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # what sends us on is no answer
    session.adapters.clear()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(deadline, max_body, loopback))


class _Adapter(BaseAdapter):
    def __init__(self, deadline: float, max_body: int, loopback: bool) -> None:
        super().__init__()
        self._options: dict[str, Any] = {"deadline": deadline, "max_body": max_body, "loopback": loopback}

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        body = request.body.encode() if isinstance(request.body, str) else request.body
        try:
            reply = untrusted.call(
                request.method or "GET", request.url or "", body, dict(request.headers), **self._options
            )
        except untrusted.NoAnswer as failure:
            raise requests.ConnectionError(str(failure)) from None
        response = requests.Response()
        response.status_code = reply.status
        response.headers = CaseInsensitiveDict(reply.headers)
        response.raw = io.BytesIO(reply.body)
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        pass
