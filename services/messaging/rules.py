"""The decisions about conversations: which side is which, what a list shows of a message, whose turn it is."""

from datetime import datetime, timedelta
from enum import StrEnum

from chassis.core.text import shortened

PREVIEW_LENGTH = 140
TICK = timedelta(microseconds=1)


class Side(StrEnum):
    """The two parties of a thread; there is no third (S0-55)."""

    SUPPLIER = "supplier"
    RETAILER = "retailer"

    @property
    def other(self) -> "Side":
        return Side.RETAILER if self is Side.SUPPLIER else Side.SUPPLIER


class Topic(StrEnum):
    """What a thread can be about."""

    CAMPAIGN = "campaign"
    INVITE = "invite"


def preview(body: str) -> str:
    """A message on one line, for lists and mails: at most 140 characters, with an ellipsis where it was cut (S0-64)."""
    return shortened(" ".join(body.split()), PREVIEW_LENGTH)


def is_answer(by: Side, waiting_for: Side) -> bool:
    """Whether a message turns the tables: it comes from the side that owed one.

    Further messages of the side that waits already do not change since when it has been waiting.
    """
    return by is waiting_for


def strictly_after(previous: datetime, now: datetime) -> datetime:
    """``now``, or a microsecond after ``previous`` where another process' clock is ahead of ours."""
    return max(now, previous + TICK)
