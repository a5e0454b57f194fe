"""Merchants' API keys with their secrets, as identity tells them and as briefly remembered here.

A key that was removed is refused as soon as identity's access feed says so (``gateway.access``), however long it would
be remembered. While identity is away a key goes on counting as long as an access token would.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from uuid import UUID

from chassis.core.errors import Upstream
from chassis.core.principal import Principal
from chassis.http.identity import HEADER, Signer
from contracts.roles import Role
from gateway.access import Fetch
from gateway.fetch import FetchError

REMEMBER = 60.0
REMEMBER_UNKNOWN = 10.0
REMEMBER_WHILE_AWAY = 900.0
KNOWN_SIZE = 10_000
UNKNOWN_SIZE = 50_000
REPORT_SECONDS = 5.0
REPORTED = 1000  # keys at once
QUESTIONS = 50  # a second: however many made-up keys come, identity hears of no more


@dataclass(frozen=True)
class ApiKey:
    """A key as it stood when identity was asked; the tenant's features are looked up anew each time."""

    principal: Principal
    secret: bytes = field(repr=False)


class ApiKeys:
    """Knows the keys that were asked for lately, and also those that do not exist.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(
        self, identity_url: str, signer: Signer, fetch: Fetch, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = f"{identity_url}/internal/api-keys"
        self._signer = signer
        self._fetch = fetch
        self._clock = clock
        self._known: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._used: set[UUID] = set()
        self._second = 0
        self._asked = 0
        self._lock = Lock()

    def find(self, api_key: str, may_ask: Callable[[], None]) -> ApiKey | None:
        """The key, or None when there is none.

        Args:
            may_ask: raises when whoever sent this key has asked for too many that do not exist.

        Raises:
            Upstream: identity cannot say just now.
        """
        now = self._clock()
        with self._lock:
            known = self._known.get(api_key)
            if known and now - known[1] < REMEMBER:
                return known[0]
            if now - self._unknown.get(api_key, -REMEMBER_UNKNOWN) < REMEMBER_UNKNOWN:
                return None
        if known is None:
            may_ask()
        try:
            return self._ask(api_key, now)
        except FetchError as error:
            if known and now - known[1] < REMEMBER_WHILE_AWAY:
                return known[0]
            raise Upstream("API keys cannot be checked right now.", retry_after=2) from error

    def note_use(self, key: ApiKey) -> None:
        """A request was signed with this key; identity hears of it with the next report."""
        with self._lock:
            self._used.add(key.principal.user_id)

    def report(self) -> None:
        """Tell identity which keys have been used since the last time.

        Raises:
            FetchError: identity is away; it is told later.
        """
        with self._lock:
            used = list(self._used)[:REPORTED]
        if used:
            self._fetch(f"{self._url}/used", self._header(), body={"ids": [str(key_id) for key_id in used]})
            with self._lock:
                self._used.difference_update(used)

    def _ask(self, api_key: str, now: float) -> ApiKey | None:
        self._count_question(now)
        try:
            found: ApiKey | None = _read(self._fetch(f"{self._url}/{api_key}", self._header()))
        except FetchError as error:
            if error.status != 404:
                raise
            found = None
        with self._lock:
            self._known.pop(api_key, None)
            if found is None:
                _put(self._unknown, api_key, now, UNKNOWN_SIZE)
            else:
                _put(self._known, api_key, (found, now), KNOWN_SIZE)
        return found

    def _header(self) -> dict[str, str]:
        return {HEADER: self._signer.sign(Principal.system("gateway"), "identity")}

    def _count_question(self, now: float) -> None:
        with self._lock:
            if int(now) != self._second:
                self._second, self._asked = int(now), 0
            self._asked += 1
            if self._asked > QUESTIONS:
                raise FetchError("too many unknown API keys")


def _put(kept: OrderedDict[str, Any], key: str, value: Any, size: int) -> None:
    """The oldest goes when there is no room: a flood of made-up keys costs memory once."""
    kept[key] = value
    while len(kept) > size:
        kept.popitem(last=False)


def _read(answer: dict[str, Any]) -> ApiKey:
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
        return ApiKey(principal, str(answer["secret"]).encode())
    except (KeyError, TypeError, ValueError) as error:
        raise FetchError("identity's answer about an API key makes no sense") from error
