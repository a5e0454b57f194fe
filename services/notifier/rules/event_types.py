"""Which types of event somebody wants: exact ones, all of a kind (``campaigns.*``), or every one (``*``)."""

import re
from collections.abc import Iterable

MAX_TYPES = 50
PATTERN = re.compile(r"\*|[a-z]+(\.[A-Za-z0-9]+){1,2}|[a-z]+(\.[A-Za-z0-9]+)?\.\*", re.ASCII)


def is_wanted(event_type: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns means this type."""
    for pattern in patterns:
        prefix = prefix_of(pattern)
        if event_type == pattern if prefix is None else event_type.startswith(prefix):
            return True
    return False


def prefix_of(pattern: str) -> str | None:
    """What every type of a pattern with a ``*`` begins with; None for an exact type."""
    return pattern[:-1] if pattern.endswith("*") else None
