"""How the tests are spread over worker processes: file by file, and all that share a running platform together."""

import pytest


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shares_platform = "platform" in getattr(item, "fixturenames", ())
        engines = getattr(item, "callspec", None)
        group = f"platform-{engines.params.get('platform')}" if shares_platform and engines else item.path.stem
        item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}-{group}"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Without groups everything still passes, only each platform is started many times: say it instead."""
    if getattr(session.config.option, "loadgroup", False) and session.items:
        assert "@" in session.items[0].nodeid, "the tests' groups are not seen: does pytest-xdist fit this pytest?"
