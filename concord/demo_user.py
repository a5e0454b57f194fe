"""A user of the demo data, who calls the API through the gateway."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import requests

PASSWORD = "concord-demo"  # noqa: S105  a demo password, printed on purpose
TIMEOUT = 30


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in."""

    email: str
    name: str
    role: str


@dataclass
class User:
    """A signed-in user of the API."""

    base: str
    account: Account
    _headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._ask("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._ask("PUT", path, body)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        if not self._headers:
            self._headers = {"Authorization": f"Bearer {self._sign_in()}"}
        key = hashlib.sha256(f"{path} {json.dumps(body, sort_keys=True)}".encode()).hexdigest()
        headers = self._headers | ({"Idempotency-Key": f"demo-{key}"} if method == "POST" else {})
        answer = requests.request(method, self.base + path, json=body, headers=headers, timeout=TIMEOUT)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json() if answer.content else None

    def _sign_in(self) -> str:
        form = {"grant_type": "password", "username": self.account.email, "password": PASSWORD}
        answer = requests.post(f"{self.base}/oauth/token", data=form, timeout=TIMEOUT)
        answer.raise_for_status()
        return str(answer.json()["access_token"])
