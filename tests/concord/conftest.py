"""A service with a database of its own, as commands find it: through the environment."""

from contextlib import contextmanager

import pytest

from chassis.core import logs
from chassis.data import migrate
from chassis.data.base import ChassisBase
from chassis.process import settings
from chassis.process.service import Runtime
from concord import platform
from concord.keys import create_keys
from tests.plugin import postgres_database


@pytest.fixture(scope="package")
def database_url(dialect, tmp_path_factory):
    with _database("prm", dialect, tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="package")
def notifier_url(dialect, tmp_path_factory):
    with _database("notifier", dialect, tmp_path_factory) as url:
        yield url


@pytest.fixture
def prm(database_url, tmp_path, monkeypatch):
    with _running("prm", database_url, tmp_path, monkeypatch) as runtime:
        yield runtime


@pytest.fixture
def notifier(notifier_url, tmp_path, monkeypatch):
    with _running("notifier", notifier_url, tmp_path, monkeypatch) as runtime:
        yield runtime


@contextmanager
def _database(name, dialect, tmp_path_factory):
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('commands')}/{{service}}.db"
        return
    with postgres_database(suffix=f"_{name}") as url:
        yield url.removesuffix(name) + "{service}"


@contextmanager
def _running(name, url, tmp_path, monkeypatch):
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path))
    monkeypatch.setenv("CONCORD_BROKER_URL", f"embedded://{tmp_path}/broker.db")
    monkeypatch.setenv("CONCORD_DATABASE_URL", url)
    create_keys(tmp_path / "keys", [name])
    runtime = Runtime(platform.load(name), settings.load())
    migrate.upgrade(runtime.service, runtime.database.engine)
    yield runtime
    with runtime.database.engine.begin() as connection:
        for metadata in (runtime.service.metadata, ChassisBase.metadata):
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    runtime.close()
    logs.configure("WARNING", "console")  # the command's own went to the terminal that it was given
