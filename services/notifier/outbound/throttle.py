"""How much mail one provider is given: more than it takes gladly makes it refuse, or think ill of us.

A provider is told by the domain of the address. In memory the count is a sender's own; a Redis is shared by all.
"""

import time
from collections import Counter
from datetime import datetime, timedelta
from functools import cache

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from chassis.core.logs import logger
from services.notifier import settings

SHARED = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}

log = logger(__name__)


class Throttle:
    """Counts mails by domain in fixed windows. When they cannot be counted, mail goes out uncounted."""

    def __init__(self, rate: RateLimitItem | None, url: str) -> None:
        self._rate = rate
        options = {} if url.startswith("memory:") else SHARED
        self._windows = FixedWindowRateLimiter(storage_from_string(url, wrap_exceptions=True, **options))
        self._waiting: Counter[tuple[str, int]] = Counter()

    def take(self, domain: str, now: datetime) -> datetime | None:
        """Count a mail to ``domain``: None where it may go now, else when to come again.

        Those that come again are spread over the windows to come, so that each comes once and not with all others.
        """
        if self._rate is None:
            return None
        try:
            if self._windows.hit(self._rate, "mail", domain):
                return None
            begins = int(self._windows.get_window_stats(self._rate, "mail", domain).reset_time)
        except StorageError as error:
            log.warning("mail cannot be counted, it goes out", error=str(error.__cause__ or error))
            return None
        self._waiting = Counter({key: count for key, count in self._waiting.items() if key[1] >= begins})
        place = self._waiting[domain, begins]
        self._waiting[domain, begins] += 1
        wait = max(0.0, begins - time.time()) + place * self._rate.get_expiry() / self._rate.amount
        return now + timedelta(seconds=wait)


@cache
def load() -> Throttle:
    """The counts of this process."""
    own = settings.load()
    return Throttle(own.rate, own.limits_url)
