"""Subscriptions: identity's events about tenants."""

from sqlalchemy.orm import Session

from chassis.data.copies import upsert_newer
from chassis.messaging.events import Received, on
from services.promotions.common.models import Tenant
from services.promotions.common.schemas import TenantEventIn


def copy_tenant(session: Session, event: Received) -> None:
    """Update the copy of a tenant. Events of version 1, which have no slug, may still be under way."""
    upsert_newer(session, Tenant, vars(event.data) | {"sequence": event.sequence})


TENANT_EVENTS = tuple(
    on(f"identity.{name}.{version}", TenantEventIn)(copy_tenant)
    for name in ("TenantCreated", "TenantChanged")
    for version in ("v1", "v2")
)
