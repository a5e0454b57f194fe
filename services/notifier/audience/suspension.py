"""A tenant that is suspended hears nothing: its mails and digests wait, and go out when it is resumed.

A mail that is postponed until then has no ``next_at``. So no sender looks at it again, however many wait, and the index
of what is due tells which they are.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from chassis.data.bulk import execute_counted
from services.notifier.audience import digests
from services.notifier.audience.tenants import lock_tenant
from services.notifier.deliveries.models import CLAIMABLE, Delivery

SUSPENDED = "The company is suspended; this mail waits until it is resumed."


def postpone_mails(session: Session, tenant_id: UUID, delivery_ids: Collection[UUID], *, now: datetime) -> int:
    """Postpone due mails of a tenant until it is resumed, if it still hears nothing; returns how many. The tenant is
    locked, so that none waits after it was resumed."""
    if not lock_tenant(session, tenant_id).is_silent:
        return 0
    due = update(Delivery).where(Delivery.id.in_(delivery_ids), CLAIMABLE, Delivery.next_at <= now)
    return execute_counted(session, due.values(next_at=None, last_error=SUSPENDED))


def set_suspended(session: Session, tenant_id: UUID, *, suspended: bool, sequence: int, now: datetime) -> bool:
    """Suspend or resume a tenant; False if a newer event has decided already. What waited is due when it is resumed."""
    tenant = lock_tenant(session, tenant_id)
    if sequence <= tenant.standing_sequence:
        return False
    tenant.standing_sequence, tenant.suspended = sequence, suspended
    session.flush()
    if not tenant.is_silent:
        postponed = update(Delivery).where(Delivery.tenant_id == tenant_id, CLAIMABLE, Delivery.next_at.is_(None))
        execute_counted(session, postponed.values(next_at=now, queued_at=now, last_error=None))
        digests.resume_entries(session, tenant_id, now=now)
    return True


def set_ended(session: Session, tenant_id: UUID, *, sequence: int, now: datetime) -> None:
    """A tenant has left for good; nothing goes out for it any more, whatever is said of it later."""
    tenant = lock_tenant(session, tenant_id)
    tenant.standing_sequence = max(sequence, tenant.standing_sequence)
    tenant.ended_at = tenant.ended_at or now
