"""Writes: keep contacts as identity tells of them, and write down each mail before anybody sends it.

Whatever touches a tenant's contacts or adds a mail for it locks the tenant first. So an invite and the user it is for
meet in whichever order they arrive, also when two consumers handle them at the same moment.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.database import insert_ignoring
from services.notifier import queries, rules
from services.notifier.models import Contact, Delivery, Tenant
from services.notifier.rules import MAILS, Mail, State

NOBODY_THERE = "The tenant has no user who could get this mail."
REMOVED = "The user was removed, and the tenant has nobody else who could get this mail."
COVERED = "The user was removed; somebody else of the tenant gets this mail."


def queue_mail(
    session: Session,
    mail: Mail,
    *,
    event_id: UUID,
    tenant_id: UUID,
    context: Mapping[str, str],
    domain: str,
    now: datetime,
) -> None:
    """Write one mail for each user of the tenant it is for, once an event, whatever comes twice (S0-27).

    A tenant without such a user gets a ``no_recipient`` row, which the next fitting user takes over.
    """
    lock_tenant(session, tenant_id)
    if queries.is_queued(session, event_id, mail.template, tenant_id):
        return
    clean = {name: rules.printable(value) for name, value in context.items()}
    about = {
        "event_id": event_id,
        "template": mail.template,
        "category": mail.category,
        "topic": mail.topic,
        "tenant_id": tenant_id,
        "context": clean,
        "subject": rules.subject_of(mail, clean),
        "attempts": 0,
        "created_at": now,
        "queued_at": now,
    }
    recipients = [contact for contact in queries.contacts(session, tenant_id) if contact.role == mail.role]
    targets = [_to_user(contact, now) for contact in recipients] or [_to_nobody(tenant_id)]
    rows = [
        about | target | {"id": uuid7(), "message_id": message_id(event_id, mail.template, target["recipient"], domain)}
        for target in targets
    ]
    insert_ignoring(session, Delivery, rows)


def keep_contact(
    session: Session, user_id: UUID, tenant_id: UUID, *, email: str, name: str, role: str, sequence: int, now: datetime
) -> None:
    """Take over a user; mails of the tenant that waited for somebody like them are theirs now."""
    contact = _newer(session, user_id, tenant_id, sequence)
    if contact is None:
        return
    contact.email = rules.one_line(email, 320)
    contact.name = rules.one_line(name, 200)
    contact.role = rules.one_line(role, 50)
    contact.active = True
    session.flush()
    readdress(session, tenant_id, now)


def drop_contact(session: Session, user_id: UUID, tenant_id: UUID, *, sequence: int, now: datetime) -> None:
    """Remove a user; nothing further goes to them, and what only they would have got waits for somebody else."""
    contact = _newer(session, user_id, tenant_id, sequence)
    if contact is None:
        return
    contact.email = contact.name = contact.role = None
    contact.active = False
    for delivery in queries.queued_for(session, user_id):
        delivery.lose_recipient(REMOVED)
    session.flush()
    readdress(session, tenant_id, now)


def pass_on(session: Session, delivery_id: UUID, tenant_id: UUID, *, now: datetime) -> Delivery | None:
    """Take a due mail from a removed user and give it to a colleague; the mail, or None where somebody was quicker.

    The removal itself passes on what is waiting. This is for what was being sent at that moment and came back.
    """
    lock_tenant(session, tenant_id)
    delivery = queries.due(session, delivery_id, now)
    contact = delivery and session.get(Contact, delivery.user_id)
    if delivery is None or (contact and contact.active):
        return None
    delivery.lose_recipient(REMOVED)
    session.flush()
    readdress(session, tenant_id, now)
    return delivery


def readdress(session: Session, tenant_id: UUID, now: datetime) -> None:
    """Give the tenant's mails that nobody gets to a user who fits, one mail an event. The tenant is locked."""
    since = now - rules.KEEP_UNADDRESSED
    waiting = queries.unaddressed(session, tenant_id, since)
    if not waiting:
        return
    contacts = queries.contacts(session, tenant_id)
    taken = queries.addressed_to(session, [contact.id for contact in contacts], since)
    for delivery in waiting:
        fitting = [contact for contact in contacts if contact.role == MAILS[delivery.template].role]
        if any((delivery.event_id, delivery.template, contact.id) in taken for contact in fitting):
            delivery.suppress(COVERED)
        elif fitting:
            delivery.address_to(fitting[0], now)
            taken.add((delivery.event_id, delivery.template, fitting[0].id))


def lock_tenant(session: Session, tenant_id: UUID) -> None:
    insert_ignoring(session, Tenant, [{"id": tenant_id}])
    session.execute(select(Tenant.id).where(Tenant.id == tenant_id).with_for_update())


def message_id(event_id: UUID, template: str, recipient: UUID, domain: str) -> str:
    """The Message-ID of a mail: told by what it is about and whom it is for, so the same whenever it is asked."""
    digest = hashlib.sha256(f"{template}:{recipient}".encode()).hexdigest()[:16]
    return f"<{event_id}.{digest}@{domain}>"


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


def _to_user(contact: Contact, now: datetime) -> dict[str, Any]:
    to = {"recipient": contact.id, "user_id": contact.id, "address": contact.email}
    return to | {"state": State.NEW, "next_at": now, "last_error": None}


def _to_nobody(tenant_id: UUID) -> dict[str, Any]:
    to = {"recipient": tenant_id, "user_id": None, "address": None}
    return to | {"state": State.NO_RECIPIENT, "next_at": None, "last_error": NOBODY_THERE}
