"""Small real servers that stand behind the gateway in tests: an identity, and services that answer or misbehave."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chassis.core.errors import Unauthorized
from chassis.core.principal import Principal
from chassis.http.identity import HEADER, Verifier

HTML = b"<html><body>Internal Server Error: /srv/secret.py</body></html>"


@dataclass
class Seen:
    """A request as it arrived at a service."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    caller: Principal | None

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def names(self) -> set[str]:
        return {name.lower() for name, _ in self.headers}


@dataclass
class Planned:
    """What a service answers. ``raw`` replaces everything; ``until`` is waited for before the answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes | list[bytes] = b'{"ok": true}'
    raw: bytes | None = None
    until: threading.Event | None = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = self.headers.get(HEADER)
        self.server.fake.answer(self, Seen(self.command, self.path, self.headers.items(), body, None), token)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = handle_any

    def send(self, plan: Planned) -> None:
        if plan.raw is not None:
            self.wfile.write(plan.raw)
            self.close_connection = True
            return
        self.send_response(plan.status)
        for name, value in plan.headers.items():
            self.send_header(name, value)
        if isinstance(plan.body, bytes):
            if plan.status not in (204, 304):
                self.send_header("Content-Length", str(len(plan.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(plan.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in plan.body:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, fake: "FakeService", port: int = 0) -> None:
        self.fake = fake
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def handle_error(self, *_: Any) -> None:
        pass


class FakeService:
    """Remembers what it was asked, checks the identity it was given, and answers what a path was planned to."""

    def __init__(self, name: str, keys: Path) -> None:
        self.name = name
        self.seen: list[Seen] = []
        self.plans: dict[str, Planned | Callable[[Seen], Planned]] = {}
        self._verifier = Verifier(keys, name)
        self._server = Server(self)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def connections(self) -> set[socket.socket]:
        """Every connection that was ever made."""
        return self._server.connections

    def last(self, path: str) -> Seen:
        """The last request for ``path``; the gateway's own questions come in between."""
        return next(seen for seen in reversed(self.seen) if seen.target.partition("?")[0] == path)

    def plan(self, path: str, plan: Planned | Callable[[Seen], Planned]) -> None:
        self.plans[path] = plan

    def answer(self, handler: Handler, seen: Seen, token: str | None) -> None:
        try:
            seen.caller = self._verifier.verify(token)[0] if token else None
        except Unauthorized:
            return handler.send(Planned(401, body=b'{"code": "unauthorized"}'))
        self.seen.append(seen)
        plan = self.plans.get(seen.target.partition("?")[0]) or self.unplanned(seen)
        plan = plan(seen) if callable(plan) else plan
        if plan.until:
            plan.until.wait(20)
        with suppress(OSError):
            handler.send(plan)
        return None

    def unplanned(self, _seen: Seen) -> Planned:
        return Planned()

    def stop(self) -> None:
        """Refuse connections, and end those there are, as a killed process does."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def start(self) -> None:
        self._server = Server(self, self.port)
        self._serve()

    def reset(self) -> None:
        self.seen.clear()
        self.plans.clear()


class FakeIdentity(FakeService):
    """Signs access tokens, publishes its keys, and tells the gateway about tenants and revocations."""

    def __init__(self, keys: Path) -> None:
        self.signing: dict[str, Ed25519PrivateKey] = {}
        self.published: list[str] = []
        self.tenants: dict[str, dict[str, Any]] = {}
        self.revoked: list[str] = []
        self.api_keys: dict[str, dict[str, Any]] = {}
        self.add_key("k1")
        super().__init__("identity", keys)
        self.reset()

    def reset(self) -> None:
        super().reset()
        self.plan("/.well-known/jwks.json", lambda _: Planned(body=json.dumps(self.jwks()).encode()))
        self.plan("/internal/access", self._access)

    def add_key(self, kid: str) -> None:
        self.signing[kid] = Ed25519PrivateKey.generate()
        self.published.append(kid)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [okp_jwk(kid, self.signing[kid]) for kid in self.published]}

    def jwks_fetches(self) -> int:
        return sum(seen.target == "/.well-known/jwks.json" for seen in self.seen)

    def add_tenant(self, *features: str, kind: str = "Supplier") -> str:
        tenant = str(uuid4())
        self.tenants[tenant] = {
            "id": tenant,
            "slug": "nordic-heating",
            "name": "Nordic Heating",
            "kind": kind,
            "features": list(features),
        }
        return tenant

    def token(self, *, kid: str = "k1", header: dict[str, Any] | None = None, without: str = "", **claims: Any) -> str:
        """An access token as identity issues them; ``claims`` replace, ``without`` leaves one out."""
        now = int(time.time())
        content = {
            "iss": "concord",
            "aud": "concord",
            "sub": str(uuid4()),
            "tenant": str(uuid4()),
            "tenant_name": "Told by the token",
            "tenant_kind": "Supplier",
            "tenant_slug": "told-by-the-token",
            "role": "SupplierAdmin",
            "name": "Anna",
            "features": ["campaigns", "prm", "messaging", "promotions", "affiliates"],
            "iat": now,
            "exp": now + 900,
            "jti": str(uuid4()),
        } | claims
        content.pop(without, None)
        return jwt.encode(content, self.signing[kid], algorithm="EdDSA", headers={"kid": kid} | (header or {}))

    def add_api_key(self, tenant: str, **changed: Any) -> tuple[str, str]:
        """A new API key of the tenant and its secret."""
        api_key, secret = f"ck_{uuid4().hex[:24]}", uuid4().hex
        entry = {"id": str(uuid4()), "name": "till", "secret": secret, "tenant": dict(self.tenants[tenant])}
        self.api_keys[api_key] = entry | changed
        return api_key, secret

    def remove_api_key(self, api_key: str) -> None:
        self.revoked.append(self.api_keys.pop(api_key)["id"])

    def asked_for_keys(self) -> list[str]:
        requests = [seen for seen in self.seen if seen.target.startswith("/internal/api-keys/")]
        return [seen.target for seen in requests if seen.method == "GET"]

    def unplanned(self, seen: Seen) -> Planned:
        if not seen.target.startswith("/internal/api-keys/") or seen.method == "POST":
            return Planned()
        entry = self.api_keys.get(seen.target.rpartition("/")[2])
        if seen.caller is None or not seen.caller.is_system:
            return Planned(403)
        return Planned(body=json.dumps(entry).encode()) if entry else Planned(404, body=b'{"code": "not_found"}')

    def _access(self, seen: Seen) -> Planned:
        if seen.caller is None or not seen.caller.is_system:
            return Planned(403)
        answer = {
            "at": "2026-04-01T00:00:00Z",
            "tenants": list(self.tenants.values()),
            "revoked": [{"id": user_id, "at": "2100-01-01T00:00:00Z"} for user_id in self.revoked],
        }
        return Planned(body=json.dumps(answer).encode())


def okp_jwk(kid: str, key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": x}


def eventually(check: Callable[[], Any], seconds: float = 5.0) -> Any:
    """The first true value of ``check`` within ``seconds``; what it last gave otherwise."""
    deadline = time.monotonic() + seconds
    while not (value := check()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def is_problem(answer: Any, status: int, code: str) -> bool:
    body = answer.json
    assert answer.mimetype == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "code", "requestId"}
    assert body["requestId"] == answer.headers["X-Request-Id"]
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    if status in (502, 503, 504):
        assert int(answer.headers["Retry-After"]) >= 1
    return True
