"""Throttles: how much mail each provider gets, and how much of one kind each recipient.

Providers refuse mail, or distrust us, when it is too much; a provider is the domain of an address. No recipient drowns
in mails of one kind, whoever makes us send them (M10). In memory each sender counts for itself; senders with a Redis
count together.
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
    """Counts mails by a key, such as a domain, in fixed windows. Mail also goes out when it cannot be counted."""

    def __init__(self, name: str, rate: RateLimitItem | None, url: str) -> None:
        self._name = name
        self._rate = rate
        options = {} if url.startswith("memory:") else SHARED
        self._windows = FixedWindowRateLimiter(storage_from_string(url, wrap_exceptions=True, **options))
        self._waiting: Counter[tuple[str, int]] = Counter()

    def take(self, key: str, now: datetime) -> datetime | None:
        """Count a mail for ``key``; returns None if it may go now, else when to ask again.

        Postponed mails are spread over the next windows, so that they do not all ask again at the same moment.
        """
        if self._rate is None:
            return None
        try:
            if self._windows.hit(self._rate, self._name, key):
                return None
            begins = int(self._windows.get_window_stats(self._rate, self._name, key).reset_time)
        except StorageError as error:
            log.warning("mail cannot be counted, it goes out", error=str(error.__cause__ or error))
            return None
        present = int(time.time())
        self._waiting = Counter({place: count for place, count in self._waiting.items() if place[1] >= present})
        place = self._waiting[key, begins]
        self._waiting[key, begins] += 1
        wait = max(0.0, begins - time.time()) + place * self._rate.get_expiry() / self._rate.amount
        return now + timedelta(seconds=wait)


def of_providers(process: Settings) -> Throttle:
    """What a process that runs with these settings has counted for each provider."""
    own = settings.of(process)
    return _of(process, "mail", own.rate)


def of_recipients(process: Settings) -> Throttle:
    """What it has counted for each recipient and topic."""
    own = settings.of(process)
    return _of(process, "recipient", own.recipient_rate)


def _of(process: Settings, name: str, rate: RateLimitItem | None) -> Throttle:
    throttle: Throttle | None = process.own.get(f"throttle {name}")
    if throttle is None:
        throttle = process.own[f"throttle {name}"] = Throttle(name, rate, settings.of(process).limits_url)
    return throttle
