"""Databases as older code left them, for the tests of migrations."""

from typing import Any
from uuid import UUID

from alembic import command
from sqlalchemy import Engine, text

from chassis.data import migrate
from chassis.process.service import Service


def move(service: Service, engine: Engine, revision: str, how: Any = command.upgrade) -> None:
    """Bring the database to a revision of the service's own, the chassis' tables to their newest."""
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        if how is command.upgrade:
            command.upgrade(config, "chassis@head")
        how(config, revision)
        connection.commit()


def insert(engine: Engine, table: str, **row: Any) -> None:
    """Write a row as older code would."""
    if engine.dialect.name == "sqlite":
        row = {name: value.hex if isinstance(value, UUID) else value for name, value in row.items()}
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
