"""PostgreSQL databases of a measurement's own, removed when it ends, however it ends."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg

SERVER = "postgresql://postgres@127.0.0.1:5432"


@dataclass(frozen=True)
class Databases:
    """Databases that share a prefix nobody else uses."""

    prefix: str

    @property
    def template(self) -> str:
        """Their URL with ``{service}`` where the name goes, as ``CONCORD_DATABASE_URL`` wants it."""
        return f"{SERVER}/{self.prefix}_{{service}}"

    def url(self, name: str) -> str:
        return f"{SERVER}/{self.prefix}_{name}"

    def connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self.url(name))


@contextmanager
def databases(names: Sequence[str]) -> Iterator[Databases]:
    """New empty databases, one a name."""
    made = Databases(f"concord_bench_{uuid4().hex[:10]}")
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as admin:
        try:
            for name in names:
                admin.execute(f'CREATE DATABASE "{made.prefix}_{name}"')
            yield made
        finally:
            for name in names:
                admin.execute(f'DROP DATABASE IF EXISTS "{made.prefix}_{name}" WITH (FORCE)')
