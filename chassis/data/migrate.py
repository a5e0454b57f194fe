"""Schema migrations: the chassis' own branch and the service's, applied together to the service's database."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, bindparam, column, create_engine, make_url, select, text, update
from sqlalchemy import table as sql_table

from chassis.core.text import fold
from chassis.data.base import ChassisBase

HERE = Path(__file__).parent / "migrations"


class Migrated(Protocol):
    """What migrations have to know of a service."""

    def __hash__(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def metadata(self) -> MetaData: ...

    @property
    def migrations(self) -> Path: ...


def upgrade(service: Migrated, engine: Engine) -> None:
    """Bring the database to the schema this code knows. Several processes may try at once; one does it.

    The chassis' own branch comes first, so that a service's migration finds the chassis' tables as they are now.
    """
    with engine.connect() as connection, _alone(connection):
        config = config_of(service)
        config.attributes["connection"] = connection
        for target in ("chassis@head", "heads"):
            command.upgrade(config, target)
        connection.commit()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keep other migrations of this database waiting, for as long as ours takes; SQLite's write lock does so too.

    They ask again and again: a statement that waits for the lock would itself be waited for by an index that is built
    concurrently under it.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()
    while not connection.execute(text("SELECT pg_try_advisory_lock(hashtext('concord.migrate'))")).scalar():
        connection.rollback()
        time.sleep(0.1)
    connection.execute(text("SET lock_timeout = '2s'"))  # a migration that waits for a lock makes requests wait for it
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(hashtext('concord.migrate'))"))
        connection.commit()
        connection.invalidate()  # its settings are not for anybody else


def create_missing(url: str) -> None:
    """Create the PostgreSQL database of ``url`` when there is none: for development, where nobody else does."""
    target = make_url(url)
    if target.get_backend_name() != "postgresql":
        return
    engine = create_engine(
        target.set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        known = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": target.database})
        if known.first() is None:
            connection.execute(text(f'CREATE DATABASE "{target.database}"'))
    engine.dispose()


def is_current(service: Migrated, engine: Engine) -> bool:
    """Whether the database answers and has the newest revisions.

    Raises:
        sqlalchemy.exc.OperationalError: it does not answer.
    """
    with engine.execution_options(concord_read=True).connect() as connection:
        applied = set(MigrationContext.configure(connection).get_current_heads())
    return _newest(service) <= applied


@cache
def _newest(service: Migrated) -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(config_of(service)).get_heads())


def config_of(service: Migrated) -> Config:
    """alembic's configuration for one service."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{HERE / 'versions'}\n{service.migrations}")
    config.attributes["target_metadata"] = [ChassisBase.metadata, service.metadata]
    config.attributes["service"] = service.name
    return config


def revision(service: Migrated, message: str) -> Path:
    """Write the service's next migration: what its models say more than its migrations; for developers."""
    number = len(list(service.migrations.glob(f"{service.name}_[0-9]*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/now.db")
        upgrade(service, engine)
        with engine.connect() as connection:
            config = config_of(service)
            config.attributes["connection"] = connection
            script = command.revision(
                config,
                message=message,
                autogenerate=True,
                rev_id=f"{service.name}_{number:04}",
                head=f"{service.name}@head" if number > 1 else "base",
                branch_label=service.name if number == 1 else None,
                version_path=str(service.migrations),
            )
        engine.dispose()
    return Path(script.path)  # type: ignore[union-attr]


def fill_folded(connection: Connection, table: str, source: str, target: str, key: str = "id") -> None:
    """Fill a new column of a migration with the folded text of another one (D62), a thousand rows at a time."""
    known = sql_table(table, column(key), column(source), column(target))
    rest = select(known.c[key], known.c[source]).where(known.c[source].is_not(None)).order_by(known.c[key]).limit(1000)
    statement = update(known).where(known.c[key] == bindparam("row_key")).values({target: bindparam("folded")})
    rows = connection.execute(rest).all()
    while rows:
        connection.execute(statement, [{"row_key": row[0], "folded": fold(row[1])} for row in rows])
        rows = connection.execute(rest.where(known.c[key] > rows[-1][0])).all()
