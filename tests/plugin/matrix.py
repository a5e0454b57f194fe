"""Which tests run on which engines.

``--matrix change`` (the default, and what CI runs): everything on PostgreSQL and RabbitMQ; on SQLite and the embedded
broker only what ``ON_SQLITE_TOO`` lists. Without PostgreSQL everything runs on SQLite.
``--matrix full`` (`make nightly`): everything on both.
"""

import os
import re

import pytest

from tests.plugin.databases import POSTGRES, RABBITMQ, answers

ON_SQLITE_TOO = re.compile(
    r"tests/chassis/"  # what all services rest on
    r"|tests/(?!e2e/).*(access|concurrency|migrations?)\.py"  # roles; locks and DDL, which differ most by database
    r"|tests/e2e/test_tour\.py"  # one path through all services
)
EMBEDDED = {"dialect": "sqlite", "platform": "embedded"}  # parameter: its value that needs no server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--matrix", choices=["change", "full"], default="change", help="full: every test on both sets of engines"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("matrix") == "full" or not _real_engines():
        return
    left_out = [item for item in items if _is_embedded(item) and not ON_SQLITE_TOO.search(item.path.as_posix())]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _real_engines() -> bool:
    """In CI they must be there: a test that does not find them fails."""
    return os.environ.get("CI") == "true" or (answers(POSTGRES) and answers(RABBITMQ))


def _is_embedded(item: pytest.Item) -> bool:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return any(parameters.get(name) == value for name, value in EMBEDDED.items())
