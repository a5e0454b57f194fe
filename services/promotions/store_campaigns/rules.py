"""Decisions about store campaigns (S3): the status at a moment, what may follow it, the identifier."""

import re
import unicodedata
from datetime import datetime
from enum import StrEnum

from chassis.core.errors import Conflict, Forbidden, Invalid

IDENTIFIER_LENGTH = 100


class Status(StrEnum):
    """S3-5."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SCHEDULED = "scheduled"
    EXPIRED = "expired"


FOLLOWERS = {
    Status.SCHEDULED: {Status.SCHEDULED, Status.ACTIVE, Status.INACTIVE},
    Status.ACTIVE: set(Status),
    Status.INACTIVE: set(Status),
    Status.EXPIRED: set(),
}
"""What may be set by hand, from what the campaign is at that moment (S3-8, S3-20, D41).

What is scheduled has not run, so it cannot be over: it is called off by ``inactive``. Nothing follows ``expired``.
"""

FINAL = frozenset({Status.EXPIRED})
"""Cannot be taken back, so software alone may not set it: that takes one of the tenant's admins (S3-20)."""


def status_at(status: Status, starts_at: datetime, ends_at: datetime, now: datetime) -> Status:
    """What a campaign is at ``now``, from what was last written (S3-7, D3).

    Its end ends it whatever it was, its start starts what is scheduled; both moments belong to it. What is active
    before its start was started early, by hand (S3-8).
    """
    if now > ends_at:
        return Status.EXPIRED
    if status is Status.SCHEDULED and now >= starts_at:
        return Status.ACTIVE
    return status


def require_modifiable(current: Status) -> None:
    """Refuse every change of what is over (S3-13, D41).

    Raises:
        Conflict: ``campaign_not_modifiable``.
    """
    if not FOLLOWERS[current]:
        raise not_modifiable(current)


def require_transition(current: Status, status: Status, becomes: Status, *, is_person: bool) -> None:
    """Refuse a status that cannot follow, or that the caller may not set (S3-20).

    Args:
        becomes: the status that the clock gives it at once, such as ``expired`` where the end moves into the past.

    Raises:
        Conflict: ``campaign_not_modifiable``.
        Forbidden: ``extra_permission_required``.
    """
    if status not in FOLLOWERS[current]:
        raise not_modifiable(current)
    if becomes in FINAL and not is_person:
        raise Forbidden("Only an admin can end a campaign for good.", code="extra_permission_required")


def is_delayed(current: Status, started: datetime, starts_at: datetime, now: datetime) -> bool:
    """Whether a later start makes a running campaign scheduled again (D43).

    It does, unless the campaign runs before its time because it was activated early (S3-8).

    Args:
        started: the start it has now; ``starts_at`` is the new one.
    """
    return current is Status.ACTIVE and started <= now < starts_at


def require_deletable(current: Status, *, has_run: bool) -> None:
    """Refuse to delete a campaign that runs, or that may go on: only one that is over or never ran may go (D44).

    Raises:
        Conflict: ``campaign_not_modifiable``.
    """
    if current is not Status.EXPIRED and (has_run or current is Status.ACTIVE):
        raise not_modifiable(current)


def require_window(starts_at: datetime, ends_at: datetime) -> None:
    """S3-12, S3-18: the end comes strictly after the start. Both may lie anywhere (S3-19).

    Raises:
        Invalid: ``invalid_date_range``.
    """
    if ends_at <= starts_at:
        raise Invalid("End date must be after start date", code="invalid_date_range")


def not_modifiable(current: Status) -> Conflict:
    """S3-13, word for word."""
    return Conflict(
        "Campaign cannot be modified in current status",
        code="campaign_not_modifiable",
        more={"current_status": str(current)},
    )


def identifier_for(name: str) -> str:
    """An identifier made of a name, for a campaign that was given none: ``BI_YEARLY_SPECIALS`` (S3-17)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").upper()[: IDENTIFIER_LENGTH - 13] or "CAMPAIGN"
