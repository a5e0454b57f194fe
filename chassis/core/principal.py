"""The principal: the caller of the current request or piece of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.core.errors import Unauthorized

NOBODY = UUID(int=0)
SYSTEM = "System"
"""The role of our own processes."""
OPERATOR = "PlatformAdmin"
"""The role of the people who run the platform."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: a person or machine of one tenant, or one of our own processes.

    ``session_id`` names the sign-in of a person of ours; identity alone knows what that is. ``setup`` is true for a
    person who must set up a second factor before anything else: only blueprints made ``for_setup`` answer.
    """

    user_id: UUID
    tenant_id: UUID
    role: str
    name: str = ""
    tenant_name: str = ""
    tenant_kind: str = ""
    tenant_slug: str = ""
    features: frozenset[str] = frozenset()
    session_id: UUID | None = None
    setup: bool = False

    @classmethod
    def system(cls, name: str) -> "Principal":
        """One of our processes acting on its own account, across tenants."""
        return cls(NOBODY, NOBODY, SYSTEM, name=name)

    @property
    def is_system(self) -> bool:
        return self.role == SYSTEM

    @property
    def sees_all_tenants(self) -> bool:
        """Our own processes and the operator."""
        return self.role in (SYSTEM, OPERATOR)

    def to_claims(self) -> dict[str, Any]:
        claims = {
            "sub": str(self.user_id),
            "tenant": str(self.tenant_id),
            "role": str(self.role),
            "name": self.name,
            "tenant_name": self.tenant_name,
            "tenant_kind": self.tenant_kind,
            "tenant_slug": self.tenant_slug,
            "features": sorted(self.features),
        }
        claims |= {"sid": str(self.session_id)} if self.session_id else {}
        return claims | ({"setup": True} if self.setup else {})

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> "Principal":
        return cls(
            user_id=UUID(claims["sub"]),
            tenant_id=UUID(claims["tenant"]),
            role=str(claims["role"]),
            name=claims["name"],
            tenant_name=claims["tenant_name"],
            tenant_kind=claims["tenant_kind"],
            tenant_slug=claims.get("tenant_slug", ""),  # signed before tenants had one
            features=frozenset(claims["features"]),
            session_id=UUID(claims["sid"]) if claims.get("sid") else None,
            setup=bool(claims.get("setup")),
        )


_caller: ContextVar[Principal | None] = ContextVar("caller", default=None)


def caller() -> Principal:
    """The verified caller of the current request; ``Unauthorized`` where there is none."""
    principal = _caller.get()
    if principal is None:
        raise Unauthorized("Sign in first.")
    return principal


def set_caller(principal: Principal | None) -> None:
    _caller.set(principal)


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Run a block as ``principal``: for consumers, schedules and tests."""
    token = _caller.set(principal)
    try:
        yield
    finally:
        _caller.reset(token)
