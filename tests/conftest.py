"""What all tests share, and how they are spread over worker processes: file by file, and all that share a running
platform together."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.plugin

pytest_plugins = ["tests.plugin.fixtures", "tests.plugin.matrix"]


@pytest.fixture
def empty_database(dialect: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, for tests of migrations."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    with tests.plugin.postgres_database() as url:
        yield url


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        engines = item.callspec.params.get("platform") if hasattr(item, "callspec") else None
        group = f"platform-{engines}" if engines else item.path.stem
        item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}-{group}"))
    items.sort(key=lambda item: item.path.parent.name != "e2e")  # the longest groups first, or one ends long after all


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Without groups everything still passes, only each platform is started many times: say it instead."""
    if getattr(session.config.option, "loadgroup", False) and session.items:
        assert "@" in session.items[0].nodeid, "the tests' groups are not seen: does pytest-xdist fit this pytest?"
