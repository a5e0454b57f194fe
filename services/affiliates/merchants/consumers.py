"""Events of identity: what merchants are called, whether affiliates are switched on, and whether they are suspended."""

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on
from services.affiliates.merchants import actions
from services.affiliates.merchants.schemas import SuspensionIn, TenantEventIn

SUSPENDING = ("identity.TenantSuspended.v1", "identity.TenantEnded.v1")


def update_merchant(session: Session, event: Received) -> None:
    """Update the copy of a merchant. Events of version 1, without a slug, may still be on their way."""
    data = vars(event.data)
    enabled = "affiliates" in data.pop("features")
    actions.upsert_tenant(session, **data, enabled=enabled, sequence=event.sequence, now=utcnow())


def suspend_merchant(session: Session, event: Received) -> None:
    """Let the links of a suspended tenant rest, or those of a resumed one lead on."""
    suspended = event.type in SUSPENDING
    actions.set_suspended(session, event.data.tenant_id, suspended=suspended, sequence=event.sequence)


TENANT_EVENTS = (
    *(
        on(f"identity.{name}.{version}", TenantEventIn)(update_merchant)
        for name in ("TenantCreated", "TenantChanged")
        for version in ("v1", "v2")
    ),
    *(on(name, SuspensionIn)(suspend_merchant) for name in (*SUSPENDING, "identity.TenantResumed.v1")),
)
