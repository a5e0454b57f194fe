"""What stands in a digest: the events it is made of, sorted into sections as they are read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from services.notifier.topics.mails import (
    COMMISSION,
    INVITE,
    MESSAGE,
    MOST_SHOWN,
    RELATIONSHIP,
    RESPONSE,
    TIER,
    WEBHOOK,
)

Context = Mapping[str, Any]
Said = tuple[str, Context]
"""An event: the template of the mail it would have been, and what that would have said."""


def sections(events: Iterable[Said]) -> dict[str, Any]:
    """The sections that have something to say, each with what is shown and how many more there are."""
    said: dict[str, list[Context]] = {}
    for template, context in events:
        said.setdefault(template, []).append(context)
    made = {
        name: make(said[mail.template])
        for name, mail, make in (
            ("invites", INVITE, list),
            ("responses", RESPONSE, _campaigns),
            ("conversations", MESSAGE, _conversations),
            ("tiers", TIER, list),
            ("relationships", RELATIONSHIP, list),
            ("webhooks", WEBHOOK, list),
            ("commissions", COMMISSION, list),
        )
        if mail.template in said
    }
    return {
        name: {"shown": lines[:MOST_SHOWN], "more": max(0, len(lines) - MOST_SHOWN)} for name, lines in made.items()
    }


def _campaigns(responses: Sequence[Context]) -> list[Context]:
    """Responses by campaign, counted; some are named, those with a note first."""
    lines: list[Context] = []
    for _campaign, group in _grouped(responses, lambda response: response["campaign_id"]):
        named = sorted(group, key=lambda response: not response["note"])
        lines.append(
            {
                "campaign_id": group[0]["campaign_id"],
                "campaign_name": group[-1]["campaign_name"],
                "accepted": sum(response["response"] == "accepted" for response in group),
                "declined": sum(response["response"] == "declined" for response in group),
                "named": [
                    {name: response[name] for name in ("retailer_name", "response", "note")}
                    for response in named[:MOST_SHOWN]
                ],
                "more": max(0, len(named) - MOST_SHOWN),
            }
        )
    return lines


def _conversations(messages: Sequence[Context]) -> list[Context]:
    """Unread messages by thread, with the newest of each."""
    return [
        {**max(group, key=lambda message: message["sequence"]), "count": len(group)}
        for _thread, group in _grouped(messages, lambda message: message["thread_id"])
    ]


def _grouped(lines: Iterable[Context], key: Callable[[Context], str]) -> list[tuple[str, list[Context]]]:
    return [(name, list(group)) for name, group in groupby(sorted(lines, key=key), key=key)]
