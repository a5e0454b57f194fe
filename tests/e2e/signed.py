"""A client of the Merchant API, written from its document alone (S2): it shares no code with what verifies it.

``X-API-Key``, ``X-Timestamp`` (milliseconds) and ``X-Signature`` = hex HMAC-SHA256 of ``<timestamp>.<raw body>``; each
signature is good once, so what would repeat one takes the next millisecond. ``X-Idempotency-Key`` makes a retry act
once.
"""

import hashlib
import hmac
import json
import time
from typing import Any

import requests


class Signed:
    """A merchant's software with its API key."""

    def __init__(self, base: str, api_key: str, secret: str) -> None:
        self.base = base
        self.api_key = api_key
        self.secret = secret
        self._session = requests.Session()
        self._session.trust_env = False
        self._used: set[tuple[int, bytes]] = set()

    def headers(self, body: bytes = b"") -> dict[str, str]:
        """What signs a request with this body now."""
        moment = time.time_ns() // 1_000_000
        while (moment, body) in self._used:
            moment += 1
        self._used.add((moment, body))
        signature = hmac.new(self.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-API-Key": self.api_key, "X-Timestamp": str(moment), "X-Signature": signature}

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> requests.Response:
        """Send a request, signed anew; ``key`` is its idempotency key."""
        raw = b"" if body is None else json.dumps(body).encode()
        return self.send(method, path, raw, self.headers(raw) | ({"X-Idempotency-Key": key} if key else {}))

    def send(self, method: str, path: str, raw: bytes, headers: dict[str, str]) -> requests.Response:
        """Send exactly this."""
        if raw:
            headers = headers | {"Content-Type": "application/json"}
        return self._session.request(method, self.base + path, data=raw or None, headers=headers, timeout=40)

    def get(self, path: str) -> requests.Response:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> requests.Response:
        return self.ask("POST", path, body, key=key)

    def patch(self, path: str, body: Any) -> requests.Response:
        return self.ask("PATCH", path, body)
