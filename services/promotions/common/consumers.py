"""Subscriptions: identity's events about tenants."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from chassis.data.copies import upsert_newer
from chassis.messaging.events import Received, on
from services.promotions.common.models import Tenant
from services.promotions.common.schemas import SuspensionIn, TenantEventIn

SUSPENDING = ("identity.TenantSuspended.v1", "identity.TenantEnded.v1")
NOT_HEARD_OF: dict[str, Any] = {"slug": None, "name": "", "kind": "", "time_zone": "UTC", "features": [], "sequence": 0}


def copy_tenant(session: Session, event: Received) -> None:
    """Update the copy of a tenant. Events of version 1, which have no slug, may still be under way."""
    upsert_newer(session, Tenant, vars(event.data) | {"sequence": event.sequence})


def suspend_tenant(session: Session, event: Received) -> None:
    """Close the pages of a suspended tenant for shoppers, or open those of a resumed one. It may come before the event
    that tells of the tenant."""
    insert_ignoring(session, Tenant, [NOT_HEARD_OF | {"id": event.data.tenant_id}])
    newer = (Tenant.id == event.data.tenant_id, Tenant.suspension_sequence < event.sequence)
    suspended = event.type in SUSPENDING
    session.execute(update(Tenant).where(*newer).values(suspended=suspended, suspension_sequence=event.sequence))


TENANT_EVENTS = (
    *(
        on(f"identity.{name}.{version}", TenantEventIn)(copy_tenant)
        for name in ("TenantCreated", "TenantChanged")
        for version in ("v1", "v2")
    ),
    *(on(name, SuspensionIn)(suspend_tenant) for name in (*SUSPENDING, "identity.TenantResumed.v1")),
)
