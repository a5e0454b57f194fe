"""Holds the broker of a running platform back: services write events, and none of them gets any further."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from chassis.data.sqlite import WaitingConnection
from tests.e2e.harness import Platform


@contextmanager
def broker_held_back(platform: Platform) -> Iterator[None]:
    """Nothing is published in the block. The embedded broker is a file that somebody else writes to meanwhile; the
    way to the real one is cut."""
    if platform.engines.name == "embedded":
        with _file_in_use(f"{platform.home}/broker.db"):
            yield
        return
    assert platform.broker is not None
    platform.broker.pull()
    try:
        yield
    finally:
        platform.broker.plug_in()


@contextmanager
def _file_in_use(path: str) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None, factory=WaitingConnection)) as connection:
        connection.take_turn()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.rollback()
