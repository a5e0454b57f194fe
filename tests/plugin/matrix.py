"""Which tests run on which engines.

``--matrix change`` (the default, and what CI runs): everything on PostgreSQL and RabbitMQ; on SQLite and the embedded
broker only what ``ON_SQLITE_TOO`` lists; nothing that is marked ``nightly``; generated examples by the quarter.
Where PostgreSQL or RabbitMQ does not answer, everything runs on SQLite and the embedded broker; in CI both must answer.
``--matrix full`` (`make nightly`): everything on both.
"""

import os
import re

import hypothesis
import pytest
from hypothesis import HealthCheck

from tests.plugin.databases import POSTGRES, RABBITMQ, answers

ON_SQLITE_TOO = re.compile(
    r"tests/(chassis|privacy)/"  # what all services rest on
    r"|tests/(?!e2e/).*(access|concurrency)\.py"  # roles, and locks, which differ most by database
)
EMBEDDED = {"dialect": "sqlite", "platform": "embedded"}  # parameter: its value that needs no server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--matrix", choices=["change", "full"], default="change", help="full: every test on both sets of engines"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("matrix") == "full":
        os.environ["CONCORD_TEST_MATRIX"] = "full"  # for what is read while modules are imported
    hypothesis.settings.register_profile("concord", generated(100))
    hypothesis.settings.load_profile("concord")


def generated(examples: int, **more: object) -> hypothesis.settings:
    """Hypothesis' settings for a test with so many examples in the full matrix, and a quarter of them on a change."""
    full = os.environ.get("CONCORD_TEST_MATRIX") == "full"
    return hypothesis.settings(
        max_examples=examples if full else max(3, examples // 4),
        # The machine is busy with other tests, and the services that examples share stand still between them.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        **more,  # type: ignore[arg-type]
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("matrix") == "full":
        return
    real = _real_engines()
    left_out = {item for item in items if item.get_closest_marker("nightly") or (real and _runs_elsewhere(item))}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def _runs_elsewhere(item: pytest.Item) -> bool:
    return _is_embedded(item) and not ON_SQLITE_TOO.search(item.path.as_posix())


def _real_engines() -> bool:
    """In CI they must be there: a test that does not find them fails."""
    return os.environ.get("CI") == "true" or (answers(POSTGRES) and answers(RABBITMQ))


def _is_embedded(item: pytest.Item) -> bool:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return any(parameters.get(name) == value for name, value in EMBEDDED.items())
