"""Patterns of event types: an exact type, all of a kind (``campaigns.*``), or every one (``*``)."""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

PUBLISHED = (Path(__file__).parent / "published_types.txt").read_text().split()
"""Every type that was ever published; `make events` writes the file."""

MAX_TYPES = 50
MAX_LENGTH = 100
PATTERN = re.compile(r"\*|[a-z]+(\.[A-Za-z0-9]+){1,2}|[a-z]+(\.[A-Za-z0-9]+)?\.\*", re.ASCII)


def matches_any(event_type: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits this type."""
    for pattern in patterns:
        prefix = prefix_of(pattern)
        if event_type == pattern if prefix is None else event_type.startswith(prefix):
            return True
    return False


def prefix_of(pattern: str) -> str | None:
    """The beginning of all types that a pattern with a ``*`` fits; None for an exact type."""
    return pattern[:-1] if pattern.endswith("*") else None


def objections(patterns: Iterable[str], known: Collection[str] = ()) -> dict[int, str]:
    """What is wrong with patterns, by their place: no published type fits. ``known`` patterns are accepted as they
    are."""
    return {
        place: _objection(pattern)
        for place, pattern in enumerate(patterns)
        if pattern not in known
        and not (PATTERN.fullmatch(pattern) and any(matches_any(event_type, [pattern]) for event_type in PUBLISHED))
    }


def _objection(pattern: str) -> str:
    nearest = nearest_to(pattern)
    kind = f" (one of {nearest.partition('.')[0]}.*)" if pattern.endswith(("*", "#")) else ""
    fitting = "Name a type, a kind of types (campaigns.*), or *."
    return f"No published type fits {pattern!r}; the nearest is {nearest}{kind}. {fitting}"


def nearest_to(pattern: str) -> str:
    """The published type whose beginning is most similar to a pattern, in its newest version, ignoring case."""
    stem = pattern.rstrip("*#.").casefold()
    words = stem.count(".") + 1
    types = {".".join(event_type.split(".")[:words]).casefold(): event_type for event_type in PUBLISHED}
    return types[get_close_matches(stem, types, n=1, cutoff=0.0)[0]]
