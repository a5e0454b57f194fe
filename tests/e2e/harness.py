"""The whole platform as real processes on either set of engines, and a user's way of talking to it."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import requests

from chassis.data.database import Database
from concord import platform
from tests.e2e.signed import Signed
from tests.plugin import RABBITMQ, need, postgres_admin
from tests.plugin.nursery import Child, nursery

OPERATOR = ("admin@concord.example", "concord-demo")
PASSWORD = "concord-demo"
START_WITHIN = 90
FEATURES = ["campaigns", "prm", "messaging", "promotions"]


def until(check: Callable[[], Any], *, within: float = 20, what: str = "it") -> Any:
    """Ask again and again until ``check`` gives something true, and return that."""
    deadline = time.monotonic() + within
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not happen within {within} s"
        time.sleep(0.05)


def free_ports(count: int) -> int:
    """The first of ``count`` neighbouring free ports on loopback, below those the system hands out by itself.

    Each test process looks in a range of its own, so that two never find the same ones.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    first, size = 20000 + worker * 3000, 3000
    for base in range(first + os.getpid() * count % (size // 2), first + size - count, count):
        with suppress(OSError):
            for port in range(base, base + count):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return base
    raise AssertionError("no free ports")


@dataclass
class Engines:
    """Where a platform keeps its data and events, as environment variables."""

    name: str
    environment: dict[str, str]
    split: bool  # every role in a process of its own


@contextmanager
def embedded(home: Path) -> Iterator[Engines]:
    yield Engines("embedded", {}, split=False)


@contextmanager
def real(home: Path) -> Iterator[Engines]:
    """PostgreSQL with a database a service, RabbitMQ with a virtual host of its own, both removed afterwards."""
    need(RABBITMQ, "RabbitMQ")
    tag = f"concord_e2e_{uuid4().hex[:10]}"
    with _postgres_for_a_platform() as (port, admin):
        for name in platform.SERVICES:
            admin.execute(f'CREATE DATABASE "{tag}_{name}"')
        rabbitmqctl("add_vhost", tag)
        rabbitmqctl("set_permissions", "-p", tag, "guest", ".*", ".*", ".*")
        try:
            yield Engines(
                "real",
                {
                    "CONCORD_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{port}/{tag}_{{service}}",
                    "CONCORD_BROKER_URL": f"amqp://guest:guest@127.0.0.1:5672/{tag}",
                },
                split=False,  # a role a process is what tests/chaos runs; here it would only start slowly
            )
        finally:
            rabbitmqctl("delete_vhost", tag)
            for name in platform.SERVICES:
                admin.execute(f'DROP DATABASE "{tag}_{name}" WITH (FORCE)')


@contextmanager
def _postgres_for_a_platform() -> Iterator[tuple[int, psycopg.Connection]]:
    """A server of its own where its programs are to be had: the machine's hundred connections are for all tests."""
    from tests.chaos import servers  # needs this module

    if not servers.has_postgres():
        with closing(postgres_admin()) as admin:
            yield 5432, admin
        return
    with (
        servers.postgres() as server,
        closing(psycopg.connect(f"{servers.url(server)}/postgres", autocommit=True)) as admin,
    ):
        yield server.port, admin


def rabbitmqctl(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, capture_output=True, timeout=60)


@dataclass
class Platform:
    """A running platform. ``kill`` and ``start`` take names such as ``gateway``, ``prm`` or ``prm-api``."""

    home: Path
    engines: Engines
    extra: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: free_ports(len(platform.SERVICES) + 1 + 30))
    processes: dict[str, Child] = field(default_factory=dict)
    inbox: Any = None  # what the mail server took that it was given, if any
    broker: "Forwarder | None" = None  # the way to the broker, if it can be unplugged
    smtp: "Forwarder | None" = None  # the way to the mail server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CONCORD_")}
        services = ",".join(
            f"{name}=http://127.0.0.1:{platform.port_of(name, self.port)}" for name in platform.SERVICES
        )
        ours = {
            "CONCORD_HOME": str(self.home),
            "CONCORD_PORT": str(self.port),
            "CONCORD_SERVICES": services,
            "CONCORD_LOG_LEVEL": "WARNING",
            "CONCORD_THREADS": "3",  # a pool of this size in each process, and one PostgreSQL for all of them
            "CONCORD_LIMIT_TENANT": "100000/second",
            "CONCORD_LIMIT_ADDRESS": "100000/second",
            "CONCORD_LIMIT_SIGN_IN": "10000/minute",
            "CONCORD_WEBHOOK_TIMEOUT": "2",
            "CONCORD_TENANT_GRACE_DAYS": "0",
        }
        return inherited | ours | self.engines.environment | self.extra

    def prepare(self, *commands: Sequence[str]) -> None:
        """Run ``concord …`` for each of the commands, one after the other."""
        for command in commands:
            done = nursery().start("concord", command, self.environment, self.home / "prepare.log").wait(120)
            assert done == 0, self.log("prepare")

    def start_all(self) -> None:
        self.prepare(["keys"], ["migrate"], ["topology"], ["operator", OPERATOR[0], "--password", OPERATOR[1]])
        for name in self.names():
            self.start(name)
        self.wait_until_ready()

    def names(self) -> list[str]:
        if self.engines.split:
            return [process.name for process in platform.processes()]
        return [platform.GATEWAY, *platform.SERVICES]

    def start(self, name: str) -> None:
        service, _, role = name.partition("-")
        threads = {"CONCORD_THREADS": "12"} if name == platform.GATEWAY else {}
        own = {"CONCORD_BIND": f"127.0.0.1:{self.port_of(name)}"} | threads
        self.processes[name] = nursery().start(
            "concord",
            ["run", service, *([role] if role else [])],
            self.environment | own,
            self.home / f"{name}.log",
        )

    def port_of(self, name: str) -> int:
        """The api (or the whole service) listens where the other services expect it, other roles further up."""
        service, _, role = name.partition("-")
        if role in ("", "api"):
            return platform.port_of(service, self.port)
        others = [process.name for process in platform.processes() if process.role != "api"]
        return self.port + len(platform.SERVICES) + 1 + others.index(name)

    def wait_until_ready(self, *names: str) -> None:
        for name in names or self.names():
            until(lambda name=name: self.answers(name), within=START_WITHIN, what=f"{name} getting ready")

    def answers(self, name: str) -> bool:
        process = self.processes[name]
        assert process.poll() is None, f"{name} ended: {self.log(name)[-2000:]}"
        try:
            return requests.get(f"http://127.0.0.1:{self.port_of(name)}/health/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process and its children, and wait until they are gone."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        process.wait(40)

    def stop_all(self) -> dict[str, int]:
        """Tell all processes to stop at once, as an orchestrator does; return the status each ended with."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        statuses = {}
        for name in list(self.processes):
            process = self.processes.pop(name)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            statuses[name] = process.wait()
        return statuses

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    def mailbox(self, to: str | None = None) -> list[dict[str, Any]]:
        """The mails that have arrived, oldest first."""
        return [
            {
                "to": recipient,
                "subject": str(message["Subject"]),
                "headers": dict(message.items()),
                "text": message.get_body(("plain",)).get_content(),
                "html": message.get_body(("html",)).get_content(),
            }
            for recipient, message in list(self.inbox.taken)
            if to in (None, recipient)
        ]

    def database(self, service: str) -> Database:
        """A service's own; whoever asks for it closes it."""
        url = self.engines.environment.get("CONCORD_DATABASE_URL", f"sqlite:///{self.home}/{{service}}.db")
        return Database(url.replace("{service}", service), pool_size=1)

    def user(self, email: str, password: str = PASSWORD) -> "User":
        return User(self.url, email, password)


class User:
    """Somebody with an e-mail address and a password; signs in at the first request."""

    def __init__(self, base: str, email: str, password: str = PASSWORD) -> None:
        self.base = base
        self.email = email
        self.password = password
        self.session = requests.Session()
        self.session.trust_env = False

    def sign_in(self) -> str:
        form = {"grant_type": "password", "username": self.email, "password": self.password}
        answer = requests.post(f"{self.base}/oauth/token", data=form, timeout=20)
        assert answer.status_code == 200, answer.text
        token = str(answer.json()["access_token"])
        self.session.headers["Authorization"] = f"Bearer {token}"
        return token

    def ask(self, method: str, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        if "Authorization" not in self.session.headers:
            self.sign_in()
        return self.session.request(method, self.base + path, json=body, timeout=40, **kwargs)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self.ask("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        return self.ask("POST", path, body, **kwargs)

    def put(self, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        return self.ask("PUT", path, body, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> requests.Response:
        return self.ask("DELETE", path, **kwargs)


@dataclass
class Network:
    """A supplier with related retailers, made through the API; names are unique, so many share a platform."""

    platform: Platform
    supplier_id: str
    supplier: User
    retailers: dict[str, User]  # by tenant id
    viewer: User


def build_network(running: Platform, retailers: int = 3) -> Network:
    """A new supplier with ``retailers`` accepted relationships."""
    tag = uuid4().hex[:8]
    operator = running.user(*OPERATOR)
    supplier_id = new_tenant(operator, f"Supplier {tag}", "Supplier")
    supplier = new_user(running, operator, supplier_id, f"anna-{tag}@supplier.example", "SupplierAdmin")
    viewer = new_user(running, operator, supplier_id, f"vera-{tag}@supplier.example", "SupplierViewer")
    shops = {}
    for number in range(retailers):
        shop_id = new_tenant(operator, f"Retailer {tag} {number}", "Retailer")
        shops[shop_id] = new_user(running, operator, shop_id, f"shop{number}-{tag}@retailer.example", "RetailerAdmin")
        relate(supplier, shops[shop_id], shop_id)
    return Network(running, supplier_id, supplier, shops, viewer)


@dataclass
class Merchant:
    """A merchant: its admin who signs in, and its software that signs."""

    tenant_id: str
    slug: str
    admin: User
    software: Signed
    key_id: str


def build_merchant(running: Platform, features: list[str] | None = None) -> Merchant:
    """A new merchant with an API key."""
    tag = uuid4().hex[:8]
    operator = running.user(*OPERATOR)
    tenant_id = new_tenant(operator, f"Merchant {tag}", "Merchant", ["affiliates"] if features is None else features)
    admin = new_user(running, operator, tenant_id, f"maja-{tag}@merchant.example", "MerchantAdmin")
    issued = operator.post(f"/api/v1/admin/tenants/{tenant_id}/api-keys", {"name": "till"})
    assert issued.status_code == 201, issued.text
    key = issued.json()
    software = Signed(running.url, key["apiKey"], key["secret"])
    return Merchant(tenant_id, f"merchant-{tag}", admin, software, key["id"])


def new_tenant(operator: User, name: str, kind: str, features: list[str] | None = None) -> str:
    body = {"name": name, "kind": kind, "features": FEATURES if features is None else features}
    answer = operator.post("/api/v1/admin/tenants", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def new_user(running: Platform, operator: User, tenant_id: str, email: str, role: str) -> User:
    body = {"email": email, "name": email.partition("@")[0], "role": role, "password": PASSWORD}
    answer = operator.post(f"/api/v1/admin/tenants/{tenant_id}/users", body)
    assert answer.status_code == 201, answer.text
    return running.user(email)


def relate(supplier: User, retailer: User, retailer_id: str) -> str:
    answer = supplier.post("/api/v1/prm/relationships", {"retailerId": retailer_id})
    assert answer.status_code == 201, answer.text
    relationship = answer.json()["id"]
    assert retailer.post(f"/api/v1/prm/relationships/{relationship}/accept").status_code == 200
    return str(relationship)


class Forwarder:
    """A TCP port that leads to another one, or nowhere while it is ``down``: a network one can pull the plug of."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._down = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        self._down.set()
        for one in list(self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def plug_in(self) -> None:
        self._down.clear()

    def close(self) -> None:
        self.pull()
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if self._down.is_set():
                    client.close()
                    continue
                upstream = socket.create_connection(self._target)
                for source, sink in ((client, upstream), (upstream, client)):
                    self._sockets.add(source)
                    threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.discard(source)
