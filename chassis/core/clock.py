"""The clock of every rule and every row, and how a moment is written."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """``2026-04-01T00:00:00Z``: UTC with a ``Z``, fractions only when there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
