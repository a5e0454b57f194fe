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


EVENTS = (TenantCreated, TenantChanged)
