"""What this service listens to."""

from sqlalchemy.orm import Session

from chassis.clock import utcnow
from chassis.events import Received, on
from services.messaging import actions
from services.messaging.schemas import TenantChangedIn


@on("identity.TenantChanged.v1", TenantChangedIn)
def follow_renamed_tenant(session: Session, event: Received) -> None:
    """Names that are shown follow the tenant's own."""
    actions.rename_tenant(session, event.data.tenant_id, event.data.name, sequence=event.sequence, now=utcnow())
