"""The pytest plugin that breaks something: ``-p tests.sabotage.plugin`` with ``CONCORD_SABOTAGE`` naming a fault."""

import os

from tests.sabotage.faults import FAULTS


def pytest_configure() -> None:
    if name := os.environ.get("CONCORD_SABOTAGE"):
        FAULTS[name].apply()
