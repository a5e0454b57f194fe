"""What somebody wants to hear of, and when; sensible also for who has never said so."""

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
"""Where a tenant is that we have not heard of; what identity assumes too."""


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
        version: of the row that says so; 0 until somebody has chosen.
    """

    topics: Mapping[str, Cadence]
    time_zone: str
    send_at: time
    weekday: int
    quiet: Quiet | None
    version: int = 0

    def cadence(self, topic: str) -> Cadence:
        """How a topic comes; one that nobody can choose about comes at once."""
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


def default_wishes(time_zone: str | None) -> Wishes:
    """What holds for somebody who has never chosen."""
    return Wishes(DEFAULTS, zone_of(time_zone), SEND_AT, MONDAY, None)


NOWHERE = frozenset({"Factory", "localtime"})
"""Names among the time zones that mean no place: where the machine is, and a machine that was never told."""


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - NOWHERE


def is_time_zone(name: str) -> bool:
    return name in _time_zones()


def zone_of(*names: str | None) -> str:
    """The first of these that exists: with a newer list of time zones one that was chosen may be gone."""
    return next((name for name in names if name and is_time_zone(name)), TIME_ZONE)
