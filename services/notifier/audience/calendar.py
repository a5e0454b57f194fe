"""When a digest is due and when somebody wants to be left alone, at the clock on their own wall.

A digest's moment is the next such time on the calendar, never the last one and 24 hours: over a change of the clocks
the days between are 23 or 25 hours long. A time that the change leaves out comes an hour later on that day, and of one
that it repeats the first counts, so there is one moment a day.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def next_moment(after: datetime, zone: ZoneInfo, at: time, weekday: int | None = None) -> datetime:
    """The first moment after ``after`` at which it is ``at`` there, on this weekday (0 is Monday) or on any."""
    today = after.astimezone(zone).date()
    return min(moment for moment in _moments(today, range(-2, 10), zone, at, weekday) if moment > after)


def last_moment(until: datetime, zone: ZoneInfo, at: time, weekday: int | None = None) -> datetime:
    """The newest moment up to ``until`` at which it was ``at`` there, on this weekday or on any."""
    today = until.astimezone(zone).date()
    return max(moment for moment in _moments(today, range(-9, 3), zone, at, weekday) if moment <= until)


def end_of_quiet(now: datetime, zone: ZoneInfo, begin: time, end: time) -> datetime | None:
    """When the quiet hours end in which ``now`` lies, None where it lies in none. They may go past midnight."""
    began = last_moment(now, zone, begin)
    ended = next_moment(began, zone, end)
    return ended if now < ended else None


def _moments(today: date, days: range, zone: ZoneInfo, at: time, weekday: int | None) -> Iterator[datetime]:
    for offset in days:
        day = today + timedelta(days=offset)
        if weekday is None or day.weekday() == weekday:
            yield datetime.combine(day, at, zone).astimezone(UTC)
