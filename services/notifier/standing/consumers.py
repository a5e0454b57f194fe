"""Identity's events about the standing of tenants."""

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on
from services.notifier.audience import suspension
from services.notifier.standing import actions
from services.notifier.standing.schemas import StandingIn


@on("identity.TenantSuspended.v1", StandingIn)
def suspend(session: Session, event: Received) -> None:
    """Senders see it when they look at what is due."""
    tenant_id = event.data.tenant_id
    suspension.set_suspended(session, tenant_id, suspended=True, sequence=event.sequence, now=utcnow())


@on("identity.TenantResumed.v1", StandingIn)
def resume(session: Session, event: Received) -> None:
    actions.resume(session, event.data.tenant_id, sequence=event.sequence, now=utcnow())


@on("identity.TenantEnded.v1", StandingIn)
def end(session: Session, event: Received) -> None:
    """The scheduler deletes what is the tenant's own."""
    suspension.set_ended(session, event.data.tenant_id, sequence=event.sequence, now=utcnow())


SUBSCRIPTIONS = (suspend, resume, end)
