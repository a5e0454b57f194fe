"""When a digest is due and when quiet hours end, by the user's own clock.

A digest is due at the next such time of the calendar, not 24 hours after the last one: a day on which the clocks
change has 23 or 25 hours. A time that the change skips comes an hour later on that day; of a time that it repeats the
first counts. So there is one moment a day.
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
    """When the quiet hours end that ``now`` lies in; None if it lies in none. They may include midnight."""
    began = last_moment(now, zone, begin)
    ended = next_moment(began, zone, end)
    return ended if now < ended else None


def _moments(today: date, days: range, zone: ZoneInfo, at: time, weekday: int | None) -> Iterator[datetime]:
    for offset in days:
        day = today + timedelta(days=offset)
        if weekday is None or day.weekday() == weekday:
            yield datetime.combine(day, at, zone).astimezone(UTC)
