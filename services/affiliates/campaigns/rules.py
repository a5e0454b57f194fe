"""Transitions of a campaign's status, and whether a campaign was live at a moment."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from chassis.core.errors import Conflict

TITLE = 160
MAX_COOKIE_DAYS = 365
COOKIE_DAYS = 30
END_FIRST = "Must be after startDate."


class Status(StrEnum):
    """S2-10. EXPIRED is never stored (D31)."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"
    ARCHIVED = "ARCHIVED"


class Visibility(StrEnum):
    """S2-22, S2-23."""

    PRIVATE = "PRIVATE"
    PUBLIC = "PUBLIC"


class NotLive(StrEnum):
    """Why a link did not work, or an order was not credited, at a moment."""

    NOT_STARTED = "campaign_not_started"
    EXPIRED = "campaign_expired"
    PAUSED = "campaign_paused"
    ARCHIVED = "campaign_archived"
    DRAFT = "campaign_not_active"


SWITCHED_OFF = {Status.PAUSED: NotLive.PAUSED, Status.ARCHIVED: NotLive.ARCHIVED, Status.DRAFT: NotLive.DRAFT}


def shown_status(stored: Status, end: datetime | None, now: datetime) -> Status:
    """The status as users see it: past its end a campaign is EXPIRED, unless it is archived."""
    return Status.EXPIRED if stored is not Status.ARCHIVED and is_over(end, now) else stored


def is_over(end: datetime | None, now: datetime) -> bool:
    """Whether the end has passed; the end itself belongs to the campaign (S2-19, D3)."""
    return end is not None and now > end


def outside_dates(start: datetime | None, end: datetime | None, at: datetime) -> NotLive | None:
    """Why the dates exclude a moment; None if they do not (S2-19, S2-20, S2-21, D3)."""
    if start is not None and at < start:
        return NotLive.NOT_STARTED
    return NotLive.EXPIRED if is_over(end, at) else None


def why_not_live(stored: Status, start: datetime | None, end: datetime | None, now: datetime) -> NotLive | None:
    """Why a link does not work now; None if it works."""
    return outside_dates(start, end, now) or SWITCHED_OFF.get(stored)


def why_not_live_then(
    stored: Status,
    start: datetime | None,
    end: datetime | None,
    runs: Iterable[tuple[datetime, datetime | None]],
    at: datetime,
) -> NotLive | None:
    """Why an order placed at ``at`` is not credited; None if it is.

    Args:
        runs: the periods in which the campaign was active, each without its end.
    """
    outside = outside_dates(start, end, at)
    if outside or any(began <= at and (ended is None or at < ended) for began, ended in runs):
        return outside
    return SWITCHED_OFF.get(stored, NotLive.PAUSED)


def in_order(start: datetime | None, end: datetime | None) -> bool:
    """Whether the end is after the start (D3)."""
    return start is None or end is None or start < end


def require_activable(
    stored: Status, *, end: datetime | None, approval_required: bool, approved: bool, now: datetime
) -> None:
    """Refuse to activate a campaign that is active, archived, over, or waits for the operator (S2-11, S2-12).

    Raises:
        Conflict: ``campaign_expired``, ``invalid_transition`` or ``approval_required``.
    """
    if stored not in (Status.DRAFT, Status.PAUSED):
        raise Conflict(f"A campaign that is {stored} cannot be activated.", code="invalid_transition")
    if is_over(end, now):
        raise Conflict("The campaign is over; give it a later endDate first.", code="campaign_expired")
    if approval_required and not approved:
        raise Conflict("The campaign needs the operator's approval first.", code="approval_required")


def require_pausable(shown: Status) -> None:
    """Only an active campaign can be paused.

    Raises:
        Conflict: ``invalid_transition``.
    """
    if shown is not Status.ACTIVE:
        raise Conflict(f"A campaign that is {shown} cannot be paused.", code="invalid_transition")


def require_settable(stored: Status, status: Status) -> None:
    """PATCH archives a campaign, and takes one back from the archive as a draft (S2-6, D31).

    Raises:
        Conflict: ``invalid_transition``.
    """
    if status is Status.ARCHIVED or (status is Status.DRAFT and stored is Status.ARCHIVED):
        return
    raise Conflict(f"The status of a campaign that is {stored} cannot be set to {status}.", code="invalid_transition")
