"""Asks a configured address for a JSON document: no redirects, no proxies from the environment, bounded in size."""

import json
from collections.abc import Mapping
from typing import Any

import urllib3

CONNECT = 0.5
READ = 2.0


class FetchError(Exception):
    """The document could not be had; ``status`` is what was answered instead, if anything was."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Fetcher:
    """Keeps connections; shared by threads."""

    def __init__(self) -> None:
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=CONNECT, read=READ), maxsize=4)

    def json(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: object = None,
        limit: int = 4 * 1024 * 1024,
    ) -> dict[str, Any]:
        """The JSON object at ``url``, or the answer to ``body`` posted there.

        Raises:
            FetchError: not there, not a JSON object, or larger than ``limit`` bytes.
        """
        try:
            found = json.loads(self._read(url, dict(headers or {}), body, limit))
        except (urllib3.exceptions.HTTPError, OSError, ValueError, RecursionError) as error:
            raise FetchError(f"{url}: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise FetchError(f"{url}: not an object")
        return found

    def _read(self, url: str, headers: dict[str, str], body: object, limit: int) -> bytes:
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        method = "GET" if sent is None else "POST"
        answer = self._http.request(method, url, body=sent, headers=headers, redirect=False, preload_content=False)
        try:
            if answer.status != 200:
                raise FetchError(f"{url}: status {answer.status}", answer.status)
            body = answer.read(limit + 1)
            if len(body) > limit:
                raise FetchError(f"{url}: larger than {limit} bytes")
        finally:
            answer.close()  # an answer read to its end has gone back to the pool before; others are cut
        return body
