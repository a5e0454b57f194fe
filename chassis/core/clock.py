"""The clock, and how a moment is written."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Now in UTC, with its time zone."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """``2026-04-01T00:00:00Z``: UTC with a ``Z``, with fractions of a second only if there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
