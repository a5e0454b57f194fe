"""The gateway under test: in this process, or served by gunicorn where the bytes on the wire matter."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import urllib3
from werkzeug.test import Client

from chassis.process.settings import Settings
from gateway.app import Gateway, create_app
from gateway.settings import GatewaySettings
from tests.gateway.fakes import FakeIdentity, FakeService, eventually, free_port

SERVED = Path(__file__).with_name("served.py")
QUICK = GatewaySettings(
    connect_timeout=0.3,
    read_timeout=0.4,
    total_timeout=0.8,
    slot_wait=0.05,
    breaker_failures=1000,
    tenant_limit="100000/second",
    address_limit="100000/second",
    sign_in_limit="100000/second",
)


class Platform:
    """The services of one test session, and how the gateway reaches them."""

    def __init__(self, settings: Settings) -> None:
        self.identity = FakeIdentity(settings.keys)
        self.campaigns = FakeService("campaigns", settings.keys)
        self.prm = FakeService("prm", settings.keys)
        self.messaging = FakeService("messaging", settings.keys)
        self.notifier = FakeService("notifier", settings.keys)
        self.promotions = FakeService("promotions", settings.keys)
        self.affiliates = FakeService("affiliates", settings.keys)
        self.all: list[FakeService] = [
            self.identity,
            self.campaigns,
            self.prm,
            self.messaging,
            self.notifier,
            self.promotions,
            self.affiliates,
        ]
        self.settings = replace(settings, services={service.name: service.url for service in self.all}, threads=16)


class Caller:
    """A client of an in-process gateway, signed in by default as a user of a tenant with every feature."""

    def __init__(self, gateway: Gateway, identity: FakeIdentity) -> None:
        self.gateway = gateway
        self._client = Client(gateway, use_cookies=False)
        self.tenant = identity.add_tenant("campaigns", "prm", "messaging", "promotions", "affiliates")
        self.token: str | None = identity.token(tenant=self.tenant)

    def __call__(self, method: str, target: str, *, headers: Any = (), environ: Any = None, **options: Any) -> Any:
        """``target`` is sent as it is written."""
        sent = dict(headers)
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        overrides = {"RAW_URI": target, "REMOTE_ADDR": "127.0.0.1"} | (environ or {})
        path = target.partition("?")[0]
        return self._client.open(
            path if path.startswith("/") else "/", method=method, headers=sent, environ_overrides=overrides, **options
        )


@pytest.fixture(scope="session", autouse=True)
def _impatient() -> Iterator[None]:
    """Gateways in this process poll more often; the one behind gunicorn keeps production's pace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.app.POLL_SECONDS", 0.1)
        yield


@pytest.fixture(scope="session")
def _platform(test_settings: Settings) -> Iterator[Platform]:
    platform = Platform(test_settings)
    yield platform
    for service in platform.all:
        service.stop()


@pytest.fixture
def platform(_platform: Platform) -> Platform:
    """The services, with nothing planned and nothing seen."""
    for service in _platform.all:
        service.reset()
    return _platform


@pytest.fixture
def identity(platform: Platform) -> FakeIdentity:
    return platform.identity


@pytest.fixture
def campaigns(platform: Platform) -> FakeService:
    return platform.campaigns


@pytest.fixture
def start_gateway(platform: Platform) -> Iterator[Callable[..., Caller]]:
    """``start_gateway(production=False, **settings)``: a gateway of its own in this process."""
    started: list[Gateway] = []

    def start(*, production: bool = False, services: dict[str, str] | None = None, **settings: Any) -> Caller:
        chosen = replace(
            platform.settings,
            environment="production" if production else "dev",
            services={**platform.settings.services, **(services or {})},
        )
        gateway = create_app(chosen, replace(QUICK, **settings))
        started.append(gateway)
        return Caller(gateway, platform.identity)

    yield start
    for gateway in started:
        gateway.close()


@pytest.fixture(scope="session")
def _gateway(_platform: Platform) -> Iterator[Gateway]:
    gateway = create_app(_platform.settings, QUICK)
    yield gateway
    gateway.close()


@pytest.fixture
def call(_gateway: Gateway, platform: Platform) -> Caller:
    """Calls a gateway that the whole session shares."""
    return Caller(_gateway, platform.identity)


class Served:
    """A gateway behind gunicorn in a process of its own."""

    def __init__(self, port: int, platform: Platform) -> None:
        self.port = port
        self.platform = platform
        self._identity = platform.identity
        self.reconnect()

    @property
    def token(self) -> str:
        """Made anew: one lives shorter than a test run on a slow machine."""
        return self._identity.token()

    def reconnect(self) -> None:
        """Keep no connection that a refused body of an earlier test is just about to end."""
        self.http = urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=4, retries=False)

    def request(self, method: str, path: str, headers: Any = (), body: Any = None) -> urllib3.BaseHTTPResponse:
        sent = {"Authorization": f"Bearer {self.token}"} | dict(headers)
        return self.http.request(method, path, headers=sent, body=body, redirect=False)

    def raw(self, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Send bytes as they are, with ``{token}`` filled in; status, headers and body of the one answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            sock.sendall(head.replace("{token}", self.token).encode("latin-1") + body)
            sock.shutdown(socket.SHUT_WR)
            answer = HTTPResponse(sock)
            answer.begin()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@pytest.fixture(scope="session")
def _served(_platform: Platform) -> Iterator[Served]:
    port = free_port()
    settings = _platform.settings
    environment = os.environ | {
        "CONCORD_ENV": "production",
        "CONCORD_BIND": f"127.0.0.1:{port}",
        "CONCORD_KEYS": str(settings.keys),
        "CONCORD_HOME": str(settings.home),
        "CONCORD_SERVICES": ",".join(f"{name}={url}" for name, url in settings.services.items()),
        "CONCORD_LIMIT_ADDRESS": "100000/second",
        "CONCORD_BODY_TIMEOUT": "1",
        "CONCORD_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, str(SERVED)], env=environment, cwd=settings.home)
    served = Served(port, _platform)
    try:
        assert eventually(lambda: _is_ready(served), 15), "the gateway did not start"
        yield served
    finally:
        process.terminate()
        process.wait(timeout=15)


def _is_ready(served: Served) -> bool:
    try:
        return served.http.request("GET", "/health/ready").status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture
def served(_served: Served, platform: Platform) -> Served:
    _served.reconnect()
    return _served
