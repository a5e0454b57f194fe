"""How a tenant's promotions can work, and what holds where it has not said."""

from enum import StrEnum
from functools import cache
from zoneinfo import available_timezones

DEFAULT_CURRENCY = "SEK"
DEFAULT_TIME_ZONE = "Europe/Stockholm"  # of a tenant that identity has not told us of yet


class Strategy(StrEnum):
    """Which of several campaigns counts (D23)."""

    PRIORITY = "priority"
    BEST_PRICE = "best_price"
    EXCLUSIVE_FIRST = "exclusive_first"


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether ``name`` is in the IANA database, spelled as there."""
    return name in _time_zones()
