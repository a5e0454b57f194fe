"""What identity says about tenants and revoked credentials, as it stood at most a second ago.

While identity is away the last known state counts. Every ``FULL_EVERY`` turns everything is asked for anew, so that a
change that a poll missed cannot stay for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.core.principal import Principal
from chassis.http.client import ServiceClient
from contracts.services import IDENTITY

POLL_SECONDS = 1.0
FULL_EVERY = 300


@dataclass(frozen=True)
class Tenant:
    name: str
    kind: str
    slug: str
    features: frozenset[str]
    suspended: bool = False


@dataclass(frozen=True)
class _State:
    tenants: Mapping[UUID, Tenant] = field(default_factory=dict)
    revoked: Mapping[UUID, float] = field(default_factory=dict)  # until when issued tokens no longer count


class Access:
    """Polls identity's ``/internal/access``. Reading is lock-free: each poll replaces the whole state."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._state = _State()
        self._since: str | None = None
        self._turns = 0

    @property
    def loaded(self) -> bool:
        """Whether identity has answered yet."""
        return self._since is not None

    def tenant(self, tenant_id: UUID) -> Tenant | None:
        return self._state.tenants.get(tenant_id)

    def current(self, principal: Principal) -> Principal:
        """The caller with the tenant's present name and features; as it is for a tenant we have not heard of."""
        tenant = self.tenant(principal.tenant_id)
        if tenant is None:
            return principal
        return replace(
            principal,
            tenant_name=tenant.name,
            tenant_kind=tenant.kind,
            tenant_slug=tenant.slug,
            features=tenant.features,
        )

    def is_revoked(self, principal: Principal, issued: float) -> bool:
        """Whether a token of this caller, issued then (seconds since 1970), no longer counts: its user or API key has
        been removed since, or its sign-in ended."""
        revoked = self._state.revoked
        keys = (principal.user_id, principal.session_id or principal.user_id)
        return any(issued <= revoked.get(key, -1.0) for key in keys)

    def is_suspended(self, tenant_id: UUID) -> bool:
        tenant = self.tenant(tenant_id)
        return tenant is not None and tenant.suspended

    def poll(self) -> None:
        """Take over what has changed since the last call.

        Raises:
            Upstream: identity is away; the state stays as it is.
        """
        full = self._since is None or self._turns % FULL_EVERY == 0
        answer = self._client.get(IDENTITY, "/internal/access", params=None if full else {"since": self._since})
        self._state = _merged(_State() if full else self._state, answer)
        self._since = answer["at"]
        self._turns += 1


def _merged(state: _State, answer: Mapping[str, Any]) -> _State:
    tenants = {UUID(entry["id"]): _tenant(entry) for entry in answer["tenants"]}
    revoked = {UUID(entry["id"]): datetime.fromisoformat(entry["at"]).timestamp() for entry in answer["revoked"]}
    # Repeats are normal: an answer names what has changed lately.
    changed = {key: tenant for key, tenant in tenants.items() if state.tenants.get(key) != tenant}
    if not changed and revoked.items() <= state.revoked.items():
        return state
    return _State({**state.tenants, **changed}, {**state.revoked, **revoked})


def _tenant(entry: Mapping[str, Any]) -> Tenant:
    features, suspended = frozenset(entry["features"]), entry.get("suspended", False)
    return Tenant(entry["name"], entry["kind"], entry.get("slug", ""), features, suspended)
