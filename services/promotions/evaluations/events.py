"""Events of a tenant's settings."""

from dataclasses import dataclass
from uuid import UUID

from chassis.messaging.events import publishes


@publishes("promotions.SettingsChanged.v1")
@dataclass(frozen=True)
class SettingsChanged:
    """A tenant's promotions work in another way; all settings as they are now. Subject: the tenant's settings."""

    tenant_id: UUID
    time_zone: str | None
    currency: str
    strategy: str
    pricelist_uid: str | None


ALL: tuple[type, ...] = (SettingsChanged,)
