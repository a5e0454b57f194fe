"""Which click an order is credited to, or why to none (S2-17, S2-18, D32)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class NoClick(StrEnum):
    """Why no click is credited."""

    NONE_NAMED = "no_click"
    UNKNOWN = "unknown_click"
    NOT_LIVE = "click_not_live"
    AFTER_ORDER = "click_after_order"
    WINDOW_PASSED = "window_passed"
    LATER_CLICK = "later_click"


@dataclass(frozen=True, slots=True)
class Clicked:
    """What attribution needs to know of a live click."""

    id: UUID
    at: datetime
    window_days: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """The click that wins, or the last one there was and why it does not."""

    click: Clicked | None
    reason: NoClick | None = None


def is_open(click: Clicked, at: datetime) -> bool:
    """Whether the click's window reaches to ``at``, both ends included (D32)."""
    return timedelta(0) <= at - click.at <= timedelta(days=click.window_days)


def attribute(clicks: Sequence[Clicked], *, named: UUID | None, at: datetime) -> Attribution:
    """The last click wins whose window is open when the order is placed.

    A click without a window wins only when the order itself names it and no later click exists.

    Args:
        clicks: the buyer's live clicks up to ``at``, the newest first.
        named: the click that the order names.
    """
    if not clicks:
        return Attribution(None, NoClick.AFTER_ORDER)
    last = clicks[0]
    if last.window_days == 0 and last.id == named:
        return Attribution(last)
    for click in clicks:
        if click.window_days > 0 and is_open(click, at):
            return Attribution(click)
    carried = next((click for click in clicks if click.id == named), last)
    overtaken = carried.id == named and carried.window_days == 0
    return Attribution(carried, NoClick.LATER_CLICK if overtaken else NoClick.WINDOW_PASSED)
