"""What a mail about the new messages of a thread says: of the thread, and of each message."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.notifier.topics.mails import MOST_SHOWN

Context = Mapping[str, Any]
OF_A_MESSAGE = ("sender_name", "preview", "at", "sequence")


def apart(context: Context) -> list[tuple[dict[str, Any], int | None]]:
    """What a mail says event by event, as a digest takes it, with each message's number; what is left out stays so."""
    if "messages" not in context:
        return [(dict(context), None)]
    thread = {name: value for name, value in context.items() if name not in ("messages", "left_out")}
    return [({**thread, **message}, message["sequence"]) for message in context["messages"]]


def together(entries: Sequence[Context]) -> dict[str, Any]:
    """The other way round: what a mail says of messages that were to stand in a digest."""
    newest = sorted(entries, key=lambda entry: entry["sequence"])
    thread = {name: value for name, value in newest[-1].items() if name not in OF_A_MESSAGE}
    messages = [{name: entry[name] for name in OF_A_MESSAGE} for entry in newest]
    return {**thread, "messages": messages[-MOST_SHOWN:], "left_out": max(0, len(messages) - MOST_SHOWN)}
