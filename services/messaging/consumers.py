"""Events of identity: the names of tenants."""

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on
from services.messaging import actions
from services.messaging.schemas import TenantChangedIn


def rename_tenant(session: Session, event: Received) -> None:
    """Update a name. Events of version 1 may still be under way."""
    actions.rename_tenant(session, event.data.tenant_id, event.data.name, sequence=event.sequence, now=utcnow())


TENANT_EVENTS = tuple(
    on(f"identity.TenantChanged.{version}", TenantChangedIn)(rename_tenant) for version in ("v1", "v2")
)
