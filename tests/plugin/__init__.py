"""The pytest plugin: a service of ours on real databases, called as a given caller, its events at hand.

``start_service`` gives a :class:`ServiceUnderTest` on SQLite and again on PostgreSQL, each with a database of its own.
A test that needs an engine which is not there is skipped, or fails where ``CI=true``.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter
from sqlalchemy import Connection, Engine, select, update
from uuid_utils.compat import uuid7
from werkzeug.test import Client
from werkzeug.urls import iri_to_uri

from chassis.core import logs
from chassis.core.clock import rfc3339, utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data import migrate
from chassis.data.base import ChassisBase
from chassis.http.identity import HEADER, Signer, create_keys
from chassis.messaging.broker import Message
from chassis.messaging.broker.topic import matches
from chassis.messaging.consumer import Consumer
from chassis.messaging.events import Subscriber
from chassis.messaging.inbox import WAITING, ParkedRow
from chassis.messaging.outbox import OutboxRow
from chassis.process import settings
from chassis.process.service import Runtime, Service
from contracts.roles import Role

POSTGRES = ("127.0.0.1", 5432)
RABBITMQ = ("127.0.0.1", 5672)
SENDERS = ["gateway", "identity", "prm", "campaigns", "messaging", "promotions", "affiliates", "notifier", "sample"]


def pytest_configure() -> None:
    logs.configure("WARNING", "console")


def need(address: tuple[str, int], name: str) -> None:
    """Skip the test when a real engine does not answer at ``address``; fail it in CI."""
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        _absent(f"{name} does not answer on {address[0]}:{address[1]}")


def need_program(name: str) -> str:
    """The path of a program; skips or fails like ``need``."""
    return shutil.which(name) or _absent(f"{name} is not installed")


def _absent(message: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def postgres_admin() -> psycopg.Connection:
    """PostgreSQL's superuser on 127.0.0.1, let in without a password; skips or fails like ``need``."""
    need(POSTGRES, "PostgreSQL")
    try:
        return psycopg.connect("host=127.0.0.1 user=postgres dbname=postgres", autocommit=True)
    except psycopg.OperationalError as error:
        _absent(f"PostgreSQL does not let postgres in without a password: {error}")


@contextmanager
def postgres_database(suffix: str = "") -> Iterator[str]:
    """The URL of a new PostgreSQL database, removed afterwards; its name ends with ``suffix``."""
    name = f"concord_test_{uuid4().hex[:12]}{suffix}"
    admin = postgres_admin()
    admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:5432/{name}"
    finally:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        admin.close()


def principal(role: Role = Role.SUPPLIER_ADMIN, *, tenant_id: UUID | None = None, **attributes: Any) -> Principal:
    """Somebody of a tenant with every feature on; ``attributes`` change what should differ."""
    kind = {"Supplier": "Supplier", "Retailer": "Retailer", "Merchant": "Merchant"}
    defaults: dict[str, Any] = {
        "user_id": uuid4(),
        "name": f"A {role}",
        "tenant_name": f"Tenant {role}",
        "tenant_slug": f"tenant-{role.lower()}",
        "tenant_kind": next((kind[word] for word in kind if role.startswith(word)), "Platform"),
        "features": frozenset({"campaigns", "prm", "messaging", "promotions", "affiliates"}),
    }
    return Principal(tenant_id=tenant_id or uuid4(), role=role, **defaults | attributes)


class CallerClient(FlaskClient):
    """A client whose requests carry a signed identity; ``sender`` is the process that vouches for it."""

    signer: Signer | None = None
    who: Principal | None = None
    audience = ""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            args = (iri_to_uri(args[0]), *args[1:])  # as every client writes it; what is encoded stays as it is
        headers = dict(kwargs.pop("headers", None) or {})
        if self.signer and self.who:
            headers.setdefault(HEADER, self.signer.sign(self.who, self.audience))
        return super().open(*args, headers=headers, **kwargs)


class WsgiAdapter(BaseAdapter):
    """Lets ``requests`` reach another service's WSGI application without a socket."""

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._client = Client(application)

    def send(self, request: PreparedRequest, **_options: Any) -> Response:  # type: ignore[override]
        sent: dict[str, Any] = {"method": request.method, "headers": dict(request.headers), "data": request.body}
        # Nothing of the asking request (its caller, its transaction) is known on the other side, nor lost here.
        answer = Context().run(self._client.open, request.path_url, **sent)
        response = Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response._content = answer.get_data()
        response.url = str(request.url)
        return response

    def close(self) -> None:
        pass


class ServiceUnderTest:
    """A running service: ``client(principal)`` calls it, ``events()`` is what it wrote to its outbox."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.database = runtime.database
        self.app = runtime.create_app()
        self.app.test_client_class = CallerClient
        listeners = runtime.service.listeners or (Subscriber(runtime.service.name, ()),)
        self.consumers = {one: Consumer(one, self.database, _NoBroker()) for one in listeners}
        self.consumer = next(iter(self.consumers.values()))

    def client(self, who: Principal | None = None, *, sender: str = "gateway") -> CallerClient:
        client = self.app.test_client(use_cookies=False)
        assert isinstance(client, CallerClient)
        client.who = who
        client.signer = Signer(self.runtime.settings.keys, sender)
        client.audience = self.runtime.service.name
        return client

    def connect(self, name: str, other: "ServiceUnderTest") -> None:
        """Let this service's outbound client reach ``other`` as the service ``name``."""
        session = Session()
        session.mount("http://", WsgiAdapter(other.app))
        self.runtime.client._services = {**self.runtime.client._services, name: f"http://{name}"}
        self.runtime.client._local.session = session

    def events(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """The envelopes written so far, in order."""
        with acting_as(Principal.system("test")), self.database.read() as session:
            bodies = [json.loads(row.body) for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
        return [body for body in bodies if event_type in (None, body["type"])]

    def deliver(self, *envelopes: Mapping[str, Any]) -> None:
        """Hand events to the service's subscribers as the broker would, to each those that it listens to."""
        batch = [Message(str(e["id"]), str(e["type"]), json.dumps(e).encode()) for e in envelopes]
        for subscriber, consumer in self.consumers.items():
            consumer.handle([m for m in batch if any(matches(pattern, m.type) for pattern in subscriber.patterns)])

    def parked(self) -> list[ParkedRow]:
        with acting_as(Principal.system("test")), self.database.read() as session:
            return list(session.scalars(select(ParkedRow).order_by(ParkedRow.parked_at)))

    def retry_parked(self) -> None:
        """Try every waiting event again now, whenever it is due."""
        with acting_as(Principal.system("test")), self.database.begin() as session:
            session.execute(
                update(ParkedRow).where(ParkedRow.state == WAITING).values(next_at=utcnow() - timedelta(seconds=1))
            )
        for consumer in self.consumers.values():
            while consumer.retry_one() or consumer.sweep():
                pass

    def wipe(self) -> None:
        """Empty every table, also one that the database lets nobody delete from."""
        tables = [*self.runtime.service.metadata.sorted_tables, *ChassisBase.metadata.sorted_tables]
        with self.database.engine.begin() as connection:
            if self.database.dialect == "postgresql":
                _empty(connection, [table.name for table in tables])
                return
            found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = dict(found.tuples().all())
            for name in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for table in reversed(tables):
                connection.execute(table.delete())
            for statement in triggers.values():
                connection.exec_driver_sql(statement)


def _empty(connection: Connection, tables: Sequence[str]) -> None:
    """Delete what a test has written, whatever triggers and foreign keys say, and count ids from 1 again.

    TRUNCATE would make new files for each table, which costs ten times as much for a few rows.
    """
    filled_ones = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables)
    if filled := connection.exec_driver_sql(" UNION ALL ".join(filled_ones)).scalars().all():
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for name in filled:
            connection.exec_driver_sql(f'DELETE FROM "{name}"')
        connection.exec_driver_sql("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")


def endpoints(app: Flask) -> dict[tuple[str, str], tuple[str, ...]]:
    """Every endpoint of a service but health: ``{("POST", "/notes/<uuid:note_id>"): roles let in}``."""
    found = {}
    for rule in app.url_map.iter_rules():
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if view := getattr(view_class, method.lower(), None):
                found[method, rule.rule] = view.access
    return found


class _NoBroker:
    """Stands where a consumer is driven by hand."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this test has no broker, but something asked it to {name}")


def sample_event(event_type: str, data: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    """An envelope as another service would publish it."""
    envelope = {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": f"/services/{event_type.partition('.')[0]}",
        "type": event_type,
        "subject": str(uuid4()),
        "time": rfc3339(utcnow()),
        "datacontenttype": "application/json",
        "tenantids": "",
        "sequence": 1,
        "actorid": str(uuid4()),
        "correlationid": "test",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": dict(data),
    }
    return envelope | attributes


@pytest.fixture(scope="session")
def test_settings(tmp_path_factory: pytest.TempPathFactory) -> settings.Settings:
    """Settings of a development process with a folder and keys of its own."""
    home = tmp_path_factory.mktemp("concord")
    keys = home / "keys"
    create_keys(keys, SENDERS)
    base = settings.load()
    return replace(
        base,
        environment="dev",
        home=home,
        keys=keys,
        database_url=f"sqlite:///{home}/{{service}}.db",
        broker_url=f"embedded:///{home}/broker.db",
        services={},
    )


_engines: list[Engine] = []


@pytest.fixture(scope="module", autouse=True)
def _give_connections_back() -> Iterator[None]:
    """After each file: PostgreSQL has a hundred connections for all that runs at the same time."""
    yield
    for engine in _engines:
        engine.dispose()


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def dialect(request: pytest.FixtureRequest) -> str:
    """Each test that uses it runs on both databases."""
    return str(request.param)


@pytest.fixture(scope="session")
def _running(
    dialect: str, test_settings: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Service], ServiceUnderTest]]:
    started: dict[str, ServiceUnderTest] = {}
    databases = []

    def start(service: Service) -> ServiceUnderTest:
        if service.name not in started:
            if dialect == "sqlite":
                url = f"sqlite:///{tmp_path_factory.mktemp(service.name)}/{service.name}.db"
            else:
                database = postgres_database()
                url = database.__enter__()
                databases.append(database)
            runtime = Runtime(service, replace(test_settings, database_url=url))
            _engines.append(runtime.database.engine)
            migrate.upgrade(service, runtime.database.engine)
            started[service.name] = ServiceUnderTest(runtime)
        return started[service.name]

    yield start
    for running in started.values():
        running.runtime.close()
    for database in databases:
        database.__exit__(None, None, None)


@pytest.fixture
def start_service(
    _running: Callable[[Service], ServiceUnderTest],
) -> Callable[[Service], ServiceUnderTest]:
    """``start_service(service)``: the service with empty tables, on each database in turn."""
    used: list[ServiceUnderTest] = []

    def start(service: Service) -> ServiceUnderTest:
        running = _running(service)
        if running not in used:
            running.wipe()
            used.append(running)
        return running

    return start
