"""What is published of tenants. A published shape never changes; a new shape is a new version.

Version 1 of ``TenantCreated`` and ``TenantChanged`` had no slug. It is no longer published. Consumers still
accept it, because some may be under way.
"""

from dataclasses import dataclass
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _TenantEvent:
    """Subject: the tenant, as it is now."""

    tenant_id: UUID
    slug: str
    name: str
    kind: str
    time_zone: str
    features: list[str]


@publishes("identity.TenantCreated.v2")
@dataclass(frozen=True)
class TenantCreated(_TenantEvent):
    """A tenant has come to the platform. Subject: the tenant."""


@publishes("identity.TenantChanged.v2")
@dataclass(frozen=True)
class TenantChanged(_TenantEvent):
    """A tenant has another name, time zone or set of features; all of them as they are now. Subject: the tenant."""


@publishes("identity.TenantSuspended.v1")
@dataclass(frozen=True)
class TenantSuspended:
    """Nothing of the tenant is answered or sent until it is resumed; its data stays. Subject: the tenant."""

    tenant_id: UUID


@publishes("identity.TenantResumed.v1")
@dataclass(frozen=True)
class TenantResumed:
    """The tenant works as before. Subject: the tenant."""

    tenant_id: UUID


@publishes("identity.TenantEnded.v1")
@dataclass(frozen=True)
class TenantEnded:
    """The tenant has left the platform and its grace is over: what is its own goes. Subject: the tenant."""

    tenant_id: UUID


EVENTS = (TenantCreated, TenantChanged, TenantSuspended, TenantResumed, TenantEnded)
