"""Wishes: which topics a user wants, how and when; with defaults for users who have never chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from services.notifier.audience import calendar
from services.notifier.topics import DEFAULTS
from services.notifier.topics.base import Cadence

DIGESTS = (Cadence.DAILY, Cadence.WEEKLY)

SEND_AT = time(8)
MONDAY = 0
TIME_ZONE = "Europe/Stockholm"
"""For tenants that we know no time zone of; identity has the same default."""


class Quiet(NamedTuple):
    """Between these local times no mail is sent at once; digests have a time of their own."""

    begin: time
    until: time


@dataclass(frozen=True, slots=True)
class Wishes:
    """One person's preferences, complete.

    Attributes:
        send_at: the local time of their digests.
        weekday: the day of the weekly one, 0 is Monday.
        version: of the row that says so; 0 until the user has chosen.
    """

    topics: Mapping[str, Cadence]
    time_zone: str
    send_at: time
    weekday: int
    quiet: Quiet | None
    version: int = 0

    def cadence(self, topic: str) -> Cadence:
        """How a topic comes; a topic without a choice comes at once."""
        return self.topics.get(topic, Cadence.INSTANT)

    def next_digest(self, cadence: Cadence, after: datetime) -> datetime:
        return calendar.next_moment(after, ZoneInfo(self.time_zone), self.send_at, self._day_of(cadence))

    def last_digest(self, cadence: Cadence, until: datetime) -> datetime:
        return calendar.last_moment(until, ZoneInfo(self.time_zone), self.send_at, self._day_of(cadence))

    def quiet_until(self, now: datetime) -> datetime | None:
        """When mail may go out again, None where it may now."""
        return calendar.end_of_quiet(now, ZoneInfo(self.time_zone), *self.quiet) if self.quiet else None

    def _day_of(self, cadence: Cadence) -> int | None:
        return self.weekday if cadence is Cadence.WEEKLY else None


def default_wishes(*time_zones: str | None) -> Wishes:
    """The wishes of a user who has never chosen. ``time_zones`` are their account's and their tenant's."""
    return Wishes(DEFAULTS, zone_of(*time_zones), SEND_AT, MONDAY, None)


NOWHERE = frozenset({"Factory", "localtime"})
"""Names in the list of time zones that are no place."""


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - NOWHERE


def is_time_zone(name: str) -> bool:
    return name in _time_zones()


def zone_of(*names: str | None) -> str:
    """The first of these names that exists: a newer list of time zones may lack one that a user has chosen."""
    return next((name for name in names if name and is_time_zone(name)), TIME_ZONE)
