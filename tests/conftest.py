"""How the tests are spread over worker processes: file by file, and all that share a running platform together."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shares_platform = "platform" in getattr(item, "fixturenames", ())
        engines = getattr(item, "callspec", None)
        group = f"platform-{engines.params.get('platform')}" if shares_platform and engines else item.path.stem
        item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}-{group}"))
