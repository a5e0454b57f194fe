"""Events of identity: the names of tenants, which responses and events show."""

from sqlalchemy.orm import Session

from chassis.messaging.events import Received, on
from services.prm.actions import names
from services.prm.schemas import TenantEventIn


def upsert_tenant(session: Session, event: Received) -> None:
    """Update the copy of a tenant. Events of version 1 may still be under way."""
    data = event.data
    names.upsert_tenant(session, data.tenant_id, name=data.name, kind=data.kind, sequence=event.sequence)


TENANT_EVENTS = tuple(
    on(f"identity.{name}.{version}", TenantEventIn)(upsert_tenant)
    for name in ("TenantCreated", "TenantChanged")
    for version in ("v1", "v2")
)
