"""How much one tenant and one address may ask, counted in memory or in a Redis shared by all gateways.

When the counters cannot be reached requests pass uncounted: a limit protects the platform and must not stop it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from math import ceil

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from chassis.core.errors import Failure
from chassis.core.logs import logger

PAUSE = 5.0  # seconds without counting after the counters failed
REDIS_OPTIONS = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}

log = logger("gateway.limiting")


class TooMany(Failure):
    """A limit is used up; ``Retry-After`` says when there is room again."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "rate_limited"


class Limiter:
    """Counts against fixed windows. Memory counts are per process, so several gateways need Redis."""

    def __init__(self, url: str) -> None:
        options = {} if url.startswith("memory:") else REDIS_OPTIONS
        storage = storage_from_string(url, wrap_exceptions=True, **options)
        assert isinstance(storage, Storage)  # the library has asynchronous ones as well
        self.storage = storage
        self.windows = FixedWindowRateLimiter(storage)
        self._paused_until = 0.0

    def count(self, limit: "Limit", subject: str) -> None:
        """Count one request of ``subject``.

        Raises:
            TooMany: the limit is used up.
        """
        self._require(self.windows.hit, limit, subject)

    def check(self, limit: "Limit", subject: str) -> None:
        """As ``count``, but only looks: for what is counted after the answer is known."""
        self._require(self.windows.test, limit, subject)

    def note(self, limit: "Limit", subject: str) -> None:
        """Count without refusing; the next ``check`` does that."""
        with suppress(TooMany):
            self.count(limit, subject)

    def _require(self, has_room: Callable[..., bool], limit: "Limit", subject: str) -> None:
        if self._paused_until > time.monotonic():
            return
        try:
            if has_room(limit.item, limit.name, subject):
                return
            reset = self.windows.get_window_stats(limit.item, limit.name, subject).reset_time
        except StorageError as error:
            self._pause(error)
        else:
            seconds = max(1, ceil(reset - time.time()))
            raise TooMany("Too many requests. Try again later.", headers=_headers(limit, seconds))

    def _pause(self, error: Exception) -> None:
        log.warning("limits cannot be counted, requests pass", error=str(error.__cause__ or error), seconds=PAUSE)
        self._paused_until = time.monotonic() + PAUSE


class Limit:
    """So many requests in a window, e.g. ``Limit("tenant", "600/second")``."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.item: RateLimitItem = parse(text)


def _headers(limit: Limit, seconds: int) -> dict[str, str]:
    """Retry-After, and the IETF draft's RateLimit fields, which may still change their spelling."""
    return {
        "Retry-After": str(seconds),
        "RateLimit-Policy": f'"{limit.name}";q={limit.item.amount};w={limit.item.get_expiry()}',
        "RateLimit": f'"{limit.name}";r=0;t={seconds}',
    }
