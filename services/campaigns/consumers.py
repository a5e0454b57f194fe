"""Events of identity: the names of tenants."""

from sqlalchemy.orm import Session

from chassis.messaging.events import Received, on
from services.campaigns import tenant_actions
from services.campaigns.schemas import TenantChangedIn


def rename_tenant(session: Session, event: Received) -> None:
    """Update a name. Events of version 1 may still be under way."""
    tenant_actions.rename_tenant(session, event.data.tenant_id, event.data.name, sequence=event.sequence)


TENANT_EVENTS = tuple(
    on(f"identity.TenantChanged.{version}", TenantChangedIn)(rename_tenant) for version in ("v1", "v2")
)
