"""How a tenant's promotions can work, and what holds where it has not said."""

from functools import cache
from zoneinfo import available_timezones

DEFAULT_CURRENCY = "SEK"
DEFAULT_TIME_ZONE = "Europe/Stockholm"  # of a tenant that identity has not told us of yet


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether ``name`` is in the IANA database, spelled as there."""
    return name in _time_zones()
