"""What this service listens to."""

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on
from services.messaging import actions
from services.messaging.schemas import TenantChangedIn


def rename_tenant(session: Session, event: Received) -> None:
    """Names that are shown follow the tenant's own, whichever version tells of it; the first may be under way."""
    actions.rename_tenant(session, event.data.tenant_id, event.data.name, sequence=event.sequence, now=utcnow())


TENANT_EVENTS = tuple(
    on(f"identity.TenantChanged.{version}", TenantChangedIn)(rename_tenant) for version in ("v1", "v2")
)
