"""What stands in a digest: the events it is made of, in one section for each topic."""

from collections.abc import Iterable
from typing import Any

from services.notifier import topics
from services.notifier.topics.base import MOST_SHOWN, Context

Entry = tuple[str, Context]
"""An event: its topic, and what its own mail would have said."""


def sections(entries: Iterable[Entry]) -> dict[str, Any]:
    """The sections that have something to say, each with what is shown and how many more there are."""
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
