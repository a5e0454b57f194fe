"""The real engines: whether they answer, and databases on them."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn
from uuid import uuid4

import psycopg
import pytest

POSTGRES = ("127.0.0.1", 5432)
RABBITMQ = ("127.0.0.1", 5672)


def answers(address: tuple[str, int]) -> bool:
    """Whether something listens at ``address``."""
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True


def need(address: tuple[str, int], name: str) -> None:
    """Skip the test when a real engine does not answer at ``address``; fail it in CI."""
    if not answers(address):
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
    """The URL of a new PostgreSQL database, removed afterwards; its name ends with ``suffix``.

    Its commits do not wait for the disk: no test of one service pulls the plug of the server.
    """
    name = f"concord_test_{uuid4().hex[:12]}{suffix}"
    admin = postgres_admin()
    admin.execute(f'CREATE DATABASE "{name}"')
    admin.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:5432/{name}"
    finally:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        admin.close()
