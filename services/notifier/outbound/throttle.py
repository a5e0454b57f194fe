"""The throttle: how much mail each provider gets. Providers refuse mail, or distrust us, when it is too much.

A provider is the domain of an address. In memory each sender counts for itself; senders with a Redis count together.
"""

import time
from collections import Counter
from datetime import datetime, timedelta

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from chassis.core.logs import logger
from chassis.process.settings import Settings
from services.notifier import settings

SHARED = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}

log = logger(__name__)


class Throttle:
    """Counts mails by domain in fixed windows. Mail also goes out when it cannot be counted."""

    def __init__(self, rate: RateLimitItem | None, url: str) -> None:
        self._rate = rate
        options = {} if url.startswith("memory:") else SHARED
        self._windows = FixedWindowRateLimiter(storage_from_string(url, wrap_exceptions=True, **options))
        self._waiting: Counter[tuple[str, int]] = Counter()

    def take(self, domain: str, now: datetime) -> datetime | None:
        """Count a mail to ``domain``; returns None if it may go now, else when to ask again.

        Postponed mails are spread over the next windows, so that they do not all ask again at the same moment.
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


def of(process: Settings) -> Throttle:
    """The counts of a process that runs with these settings."""
    throttle: Throttle | None = process.own.get("throttle")
    if throttle is None:
        own = settings.of(process)
        throttle = process.own["throttle"] = Throttle(own.rate, own.limits_url)
    return throttle
