"""The contents of a digest: a section for each topic that has events."""

from collections.abc import Iterable
from typing import Any

from services.notifier import topics
from services.notifier.topics.base import MOST_SHOWN, Context

Entry = tuple[str, Context]
"""An event: its topic, and the context that its own mail would have had."""


def sections(entries: Iterable[Entry]) -> dict[str, Any]:
    """The sections that are not empty, each with the lines that are shown and the number of the others."""
    contexts: dict[str, list[Context]] = {}
    for name, context in entries:
        contexts.setdefault(name, []).append(context)
    lines = {
        topic.name: topic.section(contexts[topic.name])
        for topic in topics.ALL
        if topic.section and topic.name in contexts
    }
    return {
        name: {"shown": section[:MOST_SHOWN], "more": max(0, len(section) - MOST_SHOWN)}
        for name, section in lines.items()
    }
