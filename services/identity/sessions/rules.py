"""When the next attempt to sign in is allowed."""

from datetime import datetime, timedelta


def seconds_until_next_try(window_start: datetime, period: timedelta, now: datetime) -> int:
    """Whole seconds, at least one, until a full window of sign-in attempts has passed."""
    return max(1, -int((now - window_start - period) // timedelta(seconds=1)))
