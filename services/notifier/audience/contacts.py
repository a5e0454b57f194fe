"""Copies of identity's users and tenants, and the affiliates of merchants, as contacts that mail may go to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from chassis.data.copies import upsert_newer
from contracts.roles import Role
from services.notifier.audience import digests, queries, rescheduling
from services.notifier.audience.digest_queries import expecting
from services.notifier.audience.models import Contact, Preferences
from services.notifier.audience.reassignment import reassign_unaddressed, take_from
from services.notifier.audience.rules import is_time_zone
from services.notifier.audience.tenants import lock_tenant
from services.notifier.common import wording
from services.notifier.topics.base import Affiliate


def upsert_tenant(session: Session, tenant_id: UUID, time_zone: str, *, sequence: int, now: datetime) -> None:
    """Take over a tenant's time zone. Its users' digests and quiet hours follow its clock unless they chose another."""
    tenant = lock_tenant(session, tenant_id)
    if sequence <= tenant.sequence:
        return
    tenant.sequence = sequence
    zone = time_zone if is_time_zone(time_zone) else None
    if zone == tenant.time_zone:
        return
    contacts = expecting(session, tenant_id)
    before = queries.wishes_of(session, [tenant], contacts)
    tenant.time_zone = zone
    after = queries.wishes_of(session, [tenant], contacts)
    for contact in contacts:
        rescheduling.follow(session, contact, before[contact.id], after[contact.id], now)


def upsert_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, email: str, name: str, role: str, sequence: int, now: datetime
) -> None:
    """Take over a user; mails of the tenant that waited for somebody like them are theirs now."""
    lock_tenant(session, tenant_id)
    row = {
        "id": user_id,
        "tenant_id": tenant_id,
        "email": wording.one_line(email, 320),
        "name": wording.one_line(name, 200),
        "role": wording.one_line(role, 50),
        "active": True,
        "sequence": sequence,
    }
    if upsert_newer(session, Contact, row) is not None:
        reassign_unaddressed(session, tenant_id, now)


def add_affiliate(session: Session, affiliate: Affiliate, merchant_id: UUID) -> Contact:
    """The contact of a merchant's affiliate, who is no user; name and address never change."""
    lock_tenant(session, merchant_id)
    contact = session.get(Contact, affiliate.id)
    if contact is None:
        contact = Contact(id=affiliate.id, tenant_id=merchant_id, role=Role.AFFILIATE, active=True, sequence=0)
        contact.email = wording.one_line(affiliate.email, 320)
        contact.name = wording.one_line(affiliate.name, 200)
        session.add(contact)
        session.flush()
    return contact


def drop_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, sequence: int, domain: str, now: datetime
) -> None:
    """Remove a user; nothing further goes to them, and what only they would have heard of waits for somebody else."""
    lock_tenant(session, tenant_id)
    personal = {"email": None, "name": None, "role": None}
    tombstone = {"id": user_id, "tenant_id": tenant_id, "active": False, "sequence": sequence}
    if upsert_newer(session, Contact, personal | tombstone) is None:
        return
    take_from(session, session.get_one(Contact, user_id), domain=domain, now=now)
    digests.drop_user(session, user_id)
    session.execute(delete(Preferences).where(Preferences.id == user_id))
    session.flush()
    reassign_unaddressed(session, tenant_id, now)
