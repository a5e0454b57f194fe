"""Merchants' API keys with their secrets: asked of identity, and cached briefly.

A key that was removed is refused as soon as identity's access feed says so (``gateway.access``), and one with an end
from that moment on, however long it is cached. While identity is away a key goes on counting as long as an access token
would.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import UUID

from cachetools import TTLCache

from chassis.core.errors import NotFound, Upstream
from chassis.core.principal import Principal
from chassis.http.client import ServiceClient
from contracts.roles import Role
from contracts.services import IDENTITY

PATH = "/internal/api-keys"
REMEMBER = 60.0
REMEMBER_UNKNOWN = 10.0
REMEMBER_WHILE_AWAY = 900.0
KNOWN_SIZE = 10_000
UNKNOWN_SIZE = 50_000  # a flood of made-up keys costs memory once
REPORT_SECONDS = 5.0
REPORTED = 1000  # keys at once
QUESTIONS = 50  # a second: however many made-up keys come, identity hears of no more


@dataclass(frozen=True)
class ApiKey:
    """A key as it stood when identity was asked; the tenant's features are looked up anew each time."""

    principal: Principal
    secret: bytes = field(repr=False)
    asked_at: float
    expires_at: float | None = None  # seconds since 1970


class ApiKeys:
    """The keys that were asked for lately, and also those that do not exist.

    Args:
        clock: seconds that only go forward.
        now: seconds since 1970.
        questions: how many keys identity is asked about in a second.
    """

    def __init__(
        self,
        client: ServiceClient,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        questions: int = QUESTIONS,
    ) -> None:
        self._client = client
        self._clock = clock
        self._now = now
        self._known: TTLCache[str, ApiKey] = TTLCache(KNOWN_SIZE, REMEMBER_WHILE_AWAY, timer=clock)
        self.unknown: TTLCache[str, bool] = TTLCache(UNKNOWN_SIZE, REMEMBER_UNKNOWN, timer=clock)
        self._questions = questions
        self._second = self._asked = 0
        self._used: set[UUID] = set()
        self._lock = Lock()

    def find(self, name: str, may_ask: Callable[[], None]) -> ApiKey | None:
        """The key, or None when there is none or it has ended.

        Args:
            may_ask: raises when the sender of this key has sent too many that do not exist.

        Raises:
            Upstream: identity cannot say just now.
        """
        with self._lock:
            known = self._known.get(name)
            if known and known.expires_at is not None and self._now() >= known.expires_at:
                return None
            if known and self._clock() - known.asked_at < REMEMBER:
                return known
            if name in self.unknown:
                return None
        if known is None:
            may_ask()
        try:
            return self._ask(name)
        except Upstream as error:
            if known:
                return known
            raise Upstream("API keys cannot be checked right now.", retry_after=2) from error

    def note_use(self, key: ApiKey) -> None:
        """A request was signed with this key; identity hears of it with the next report."""
        with self._lock:
            self._used.add(key.principal.user_id)

    def report(self) -> None:
        """Tell identity which keys have been used since the last time.

        Raises:
            Upstream: identity is away; it is told later.
        """
        with self._lock:
            used = list(self._used)[:REPORTED]
        if used:
            self._client.look_up(IDENTITY, f"{PATH}/used", {"ids": [str(key_id) for key_id in used]})
            with self._lock:
                self._used.difference_update(used)

    def _ask(self, name: str) -> ApiKey | None:
        self._count_question()
        try:
            key = _read(self._client.get(IDENTITY, f"{PATH}/{name}"), self._clock())
        except NotFound:
            key = None
        with self._lock:
            if key:
                self._known[name] = key
            else:
                self._known.pop(name, None)
                self.unknown[name] = True
        return key

    def _count_question(self) -> None:
        second = int(self._clock())
        with self._lock:
            self._asked = self._asked + 1 if second == self._second else 1
            self._second = second
            if self._asked > self._questions:
                raise Upstream("Too many API keys have to be looked up.")


def _read(answer: dict[str, Any], asked_at: float) -> ApiKey:
    try:
        tenant = answer["tenant"]
        principal = Principal(
            user_id=UUID(answer["id"]),
            tenant_id=UUID(tenant["id"]),
            role=Role.MACHINE,
            name=str(answer["name"]),
            tenant_name=str(tenant["name"]),
            tenant_kind=str(tenant["kind"]),
            tenant_slug=str(tenant["slug"]),
            features=frozenset(tenant["features"]),
        )
        end = answer.get("expiresAt")
        expires_at = datetime.fromisoformat(end).timestamp() if end else None
        return ApiKey(principal, str(answer["secret"]).encode(), asked_at, expires_at)
    except (KeyError, TypeError, ValueError) as error:
        raise Upstream("The answer about an API key cannot be read.") from error
