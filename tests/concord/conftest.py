"""A service with a database of its own, as commands find it: through the environment."""

import pytest

from chassis import logs, migrate, settings
from chassis.database import ChassisBase
from chassis.identity import create_keys
from chassis.service import Runtime
from chassis.testing import postgres_database
from concord import platform


@pytest.fixture(scope="package")
def database_url(dialect, tmp_path_factory):
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('commands')}/{{service}}.db"
        return
    with postgres_database(suffix="_prm") as url:
        yield url.removesuffix("prm") + "{service}"


@pytest.fixture
def prm(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path))
    monkeypatch.setenv("CONCORD_BROKER_URL", f"embedded://{tmp_path}/broker.db")
    monkeypatch.setenv("CONCORD_DATABASE_URL", database_url)
    create_keys(tmp_path / "keys", ["prm"])
    runtime = Runtime(platform.load("prm"), settings.load())
    migrate.upgrade(runtime.service, runtime.database.engine)
    yield runtime
    with runtime.database.engine.begin() as connection:
        for metadata in (runtime.service.metadata, ChassisBase.metadata):
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    runtime.close()
    logs.configure("WARNING", "console")  # the command's own went to the terminal that it was given
