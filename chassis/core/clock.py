"""The clock, and how a moment is written."""

from datetime import UTC, datetime, timedelta

CLOCKS_APART = timedelta(minutes=2)
"""How far the clocks of two machines may differ, in either direction; whoever judges a moment that another machine has
written allows for it."""


def utcnow() -> datetime:
    """Now in UTC, with its time zone."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """``2026-04-01T00:00:00Z``: UTC with a ``Z``, with fractions of a second only if there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
