"""Keeping contacts and their tenants as identity tells of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from contracts.roles import Role
from services.notifier.audience import digests, rescheduling
from services.notifier.audience import queries as people
from services.notifier.audience.digest_queries import who_waits
from services.notifier.audience.models import Contact, Preferences
from services.notifier.audience.reassignment import readdress, take_all
from services.notifier.audience.rules import is_time_zone
from services.notifier.audience.tenants import lock_tenant
from services.notifier.common import wording


def keep_tenant(session: Session, tenant_id: UUID, time_zone: str, *, sequence: int, now: datetime) -> None:
    """Take over where a tenant is. Its users' digests and quiet hours follow its clock unless they chose another."""
    tenant = lock_tenant(session, tenant_id)
    if sequence <= tenant.sequence:
        return
    tenant.sequence = sequence
    zone = time_zone if is_time_zone(time_zone) else None
    if zone == tenant.time_zone:
        return
    waiting = who_waits(session, tenant_id)
    before = people.wishes_of(session, [tenant], waiting)
    tenant.time_zone = zone
    after = people.wishes_of(session, [tenant], waiting)
    for contact in waiting:
        rescheduling.follow(session, contact, before[contact.id], after[contact.id], now)


def keep_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, email: str, name: str, role: str, sequence: int, now: datetime
) -> None:
    """Take over a user; mails of the tenant that waited for somebody like them are theirs now."""
    contact = _newer(session, user_id, tenant_id, sequence)
    if contact is None:
        return
    contact.email = wording.one_line(email, 320)
    contact.name = wording.one_line(name, 200)
    contact.role = wording.one_line(role, 50)
    contact.active = True
    session.flush()
    readdress(session, tenant_id, now)


def keep_affiliate(session: Session, affiliate_id: UUID, merchant_id: UUID, *, email: str, name: str) -> Contact:
    """An affiliate of a merchant, who is no user, as somebody that mail may go to; name and address never change."""
    lock_tenant(session, merchant_id)
    contact = session.get(Contact, affiliate_id)
    if contact is None:
        contact = Contact(id=affiliate_id, tenant_id=merchant_id, role=Role.AFFILIATE, active=True, sequence=0)
        contact.email, contact.name = wording.one_line(email, 320), wording.one_line(name, 200)
        session.add(contact)
        session.flush()
    return contact


def drop_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, sequence: int, domain: str, now: datetime
) -> None:
    """Remove a user; nothing further goes to them, and what only they would have heard of waits for somebody else."""
    contact = _newer(session, user_id, tenant_id, sequence)
    if contact is None:
        return
    take_all(session, contact, domain=domain, now=now)
    contact.email = contact.name = contact.role = None
    contact.active = False
    digests.drop_user(session, user_id)
    session.execute(delete(Preferences).where(Preferences.id == user_id))
    session.flush()
    readdress(session, tenant_id, now)


def _newer(session: Session, user_id: UUID, tenant_id: UUID, sequence: int) -> Contact | None:
    """The contact to change, the tenant locked; None where something as new is known already."""
    lock_tenant(session, tenant_id)
    contact = session.get(Contact, user_id)
    if contact is None:
        contact = Contact(id=user_id, tenant_id=tenant_id, active=False, sequence=0)
        session.add(contact)
    if contact.sequence >= sequence:
        return None
    contact.sequence = sequence
    return contact
