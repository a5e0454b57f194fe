"""The fixtures: settings, the two databases, and services that run on them.

``start_service`` gives a :class:`ServiceUnderTest` on SQLite and again on PostgreSQL, each with a database of its own.
A test that needs an engine which is not there is skipped, or fails where ``CI=true``.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from chassis.core import logs
from chassis.core.money import CURRENCIES
from chassis.data import migrate
from chassis.process import settings
from chassis.process.service import Runtime, Service
from concord.keys import create_keys
from contracts import services
from tests.plugin.databases import postgres_database
from tests.plugin.services import ServiceUnderTest

SENDERS = [services.GATEWAY, *services.SERVICES, "sample"]


def pytest_configure() -> None:
    logs.configure("WARNING", "console")


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


@pytest.fixture(scope="session")
def currencies(pytestconfig: pytest.Config) -> list[str]:
    """ISO 4217 for tests that try one currency after the other: all with ``--matrix full``, else one per minor unit."""
    if pytestconfig.getoption("matrix") == "full":
        return sorted(CURRENCIES)
    return sorted({places: currency for currency, places in CURRENCIES.items()}.values())


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def dialect(request: pytest.FixtureRequest) -> str:
    """Each test that uses it runs on both databases, or on those that ``tests.plugin.matrix`` leaves."""
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
