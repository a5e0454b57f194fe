"""Events of identity: the names of merchants, their time zones, and whether they have affiliates switched on."""

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on
from services.affiliates.merchants import actions
from services.affiliates.merchants.schemas import TenantEventIn


def update_merchant(session: Session, event: Received) -> None:
    """Update the copy of a merchant. Events of version 1, without a slug, may still be on their way."""
    data = vars(event.data)
    enabled = "affiliates" in data.pop("features")
    actions.upsert_tenant(session, **data, enabled=enabled, sequence=event.sequence, now=utcnow())


TENANT_EVENTS = tuple(
    on(f"identity.{name}.{version}", TenantEventIn)(update_merchant)
    for name in ("TenantCreated", "TenantChanged")
    for version in ("v1", "v2")
)
