"""Writes: resume a tenant, and delete what a tenant that has ended leaves."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chassis.data.bulk import execute_counted
from services.notifier.audience import suspension
from services.notifier.audience.models import Contact, Digest, DigestItem, Preferences, ReadMark, Tenant
from services.notifier.audience.tenants import lock_tenant
from services.notifier.deliveries.models import Delivery
from services.notifier.event_log import actions as event_log
from services.notifier.webhooks import messages

AT_ONCE = 500
LATE_EVENTS = timedelta(days=30)
"""The row of an ended tenant stays for so long: what comes late for it is deleted, too."""


def resume(session: Session, tenant_id: UUID, *, sequence: int, now: datetime) -> None:
    """Send what waited for a tenant, webhooks in their order; nothing if a newer event says otherwise."""
    is_newest = suspension.set_suspended(session, tenant_id, suspended=False, sequence=sequence, now=now)
    if is_newest and not lock_tenant(session, tenant_id).is_silent:
        messages.go_on_after_suspension(session, tenant_id, now)


def ended_tenants(session: Session, limit: int) -> list[UUID]:
    """Tenants that have left."""
    ended = select(Tenant.id).where(Tenant.ended_at.is_not(None)).order_by(Tenant.ended_at, Tenant.id)
    return list(session.scalars(ended.limit(limit)))


def delete_some(session: Session, tenant_id: UUID, *, now: datetime) -> bool:
    """Delete some of what an ended tenant has left here; returns whether there may be more.

    At last, when nothing more can come of it, its own row.
    """
    tenant = lock_tenant(session, tenant_id)
    more = _delete_mails(session, tenant_id)
    more = event_log.forget_some_of(session, tenant_id) or more
    more = messages.delete_some(session, tenant_id) or more
    if not more and tenant.ended_at and now - tenant.ended_at >= LATE_EVENTS:
        session.delete(tenant)
    return more


def _delete_mails(session: Session, tenant_id: UUID) -> bool:
    """Mails and digests first, then the people they went to, whose preferences and digests are found by them."""
    counts = []
    for model in (Delivery, DigestItem):
        some = select(model.id).where(model.tenant_id == tenant_id).limit(AT_ONCE)
        counts.append(execute_counted(session, delete(model).where(model.id.in_(some))))
    execute_counted(session, delete(ReadMark).where(ReadMark.tenant_id == tenant_id))
    people = session.scalars(select(Contact.id).where(Contact.tenant_id == tenant_id).limit(AT_ONCE)).all()
    digests = select(Digest.id).where(Digest.user_id.in_(people)).limit(AT_ONCE)
    counts.append(execute_counted(session, delete(Digest).where(Digest.id.in_(digests))))
    if max(counts) < AT_ONCE:
        execute_counted(session, delete(Preferences).where(Preferences.id.in_(people)))
        execute_counted(session, delete(Contact).where(Contact.id.in_(people)))
    return max(*counts, len(people)) == AT_ONCE
