"""What identity publishes. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from uuid import UUID

from chassis.events import publishes


@publishes("identity.TenantCreated.v1")
@dataclass(frozen=True)
class TenantCreated:
    """A tenant has come to the platform. Subject: the tenant."""

    tenant_id: UUID
    name: str
    kind: str
    time_zone: str
    features: list[str]


@publishes("identity.TenantChanged.v1")
@dataclass(frozen=True)
class TenantChanged:
    """A tenant has another name, time zone or set of features; all of them as they are now. Subject: the tenant."""

    tenant_id: UUID
    name: str
    kind: str
    time_zone: str
    features: list[str]


@publishes("identity.UserAdded.v1")
@dataclass(frozen=True)
class UserAdded:
    """A person can sign in. Subject: the user."""

    user_id: UUID
    tenant_id: UUID
    email: str
    name: str
    role: str


@publishes("identity.UserRemoved.v1")
@dataclass(frozen=True)
class UserRemoved:
    """A person can no longer sign in. Subject: the user."""

    user_id: UUID
    tenant_id: UUID


EVENTS = (TenantCreated, TenantChanged, UserAdded, UserRemoved)
