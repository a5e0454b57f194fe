"""How long a sign-in lasts, and when the next attempt is allowed."""

from datetime import datetime, timedelta

GRACE = timedelta(seconds=10)
"""How long a used refresh token still gives its successor: two tabs renew at once, or an answer is lost."""
FRESH = timedelta(minutes=10)
"""How long a shown password or factor counts for what needs one (step-up)."""


def seconds_until_next_try(window_start: datetime, period: timedelta, now: datetime) -> int:
    """Whole seconds, at least one, until a full window of sign-in attempts has passed."""
    return max(1, -int((now - window_start - period) // timedelta(seconds=1)))


def is_in_grace(used_at: datetime, now: datetime) -> bool:
    """Whether a token that comes again may have been sent by another tab, or its answer lost."""
    return now - used_at < GRACE


def is_fresh(proved_at: datetime | None, now: datetime) -> bool:
    """Whether what was shown then still counts."""
    return proved_at is not None and now - proved_at < FRESH
