"""Subscriptions: identity's events about tenants."""

from sqlalchemy.orm import Session

from chassis.messaging.events import Received, on
from services.promotions.common import actions
from services.promotions.common.schemas import TenantEventIn


def copy_tenant(session: Session, event: Received) -> None:
    """Update the copy of a tenant. Events of version 1, which have no slug, may still be under way."""
    actions.upsert_tenant(session, sequence=event.sequence, **vars(event.data))


TENANT_EVENTS = tuple(
    on(f"identity.{name}.{version}", TenantEventIn)(copy_tenant)
    for name in ("TenantCreated", "TenantChanged")
    for version in ("v1", "v2")
)
