"""Stands where a test drives a consumer by hand."""

from typing import Any


class NoBroker:
    """Fails the test when something asks it for anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this test has no broker, but something asked it to {name}")
