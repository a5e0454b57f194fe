"""Writing down each mail before anybody sends it, and passing on what a removed user would have got."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.database import insert_ignoring
from services.notifier.actions.tenants import lock_tenant
from services.notifier.models import Contact, Delivery
from services.notifier.queries import contacts as people
from services.notifier.queries import deliveries as queries
from services.notifier.rules import mails, sending, wording
from services.notifier.rules.mails import MAILS, Mail
from services.notifier.rules.sending import State

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
    clean = {name: wording.printable(value) for name, value in context.items()}
    about = {
        "event_id": event_id,
        "template": mail.template,
        "category": mail.category,
        "topic": mail.topic,
        "tenant_id": tenant_id,
        "context": clean,
        "subject": mails.subject_of(mail, clean),
        "attempts": 0,
        "created_at": now,
        "queued_at": now,
    }
    recipients = [contact for contact in people.contacts(session, tenant_id) if contact.role == mail.role]
    targets = [_to_user(contact, now) for contact in recipients] or [_to_nobody(tenant_id)]
    rows = [
        about | target | {"id": uuid7(), "message_id": message_id(event_id, mail.template, target["recipient"], domain)}
        for target in targets
    ]
    insert_ignoring(session, Delivery, rows)


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
    since = now - sending.KEEP_UNADDRESSED
    waiting = queries.unaddressed(session, tenant_id, since)
    if not waiting:
        return
    contacts = people.contacts(session, tenant_id)
    taken = queries.addressed_to(session, [contact.id for contact in contacts], since)
    for delivery in waiting:
        fitting = [contact for contact in contacts if contact.role == MAILS[delivery.template].role]
        if any((delivery.event_id, delivery.template, contact.id) in taken for contact in fitting):
            delivery.suppress(COVERED)
        elif fitting:
            delivery.address_to(fitting[0], now)
            taken.add((delivery.event_id, delivery.template, fitting[0].id))


def message_id(event_id: UUID, template: str, recipient: UUID, domain: str) -> str:
    """The Message-ID of a mail: told by what it is about and whom it is for, so the same whenever it is asked."""
    digest = hashlib.sha256(f"{template}:{recipient}".encode()).hexdigest()[:16]
    return f"<{event_id}.{digest}@{domain}>"


def _to_user(contact: Contact, now: datetime) -> dict[str, Any]:
    to = {"recipient": contact.id, "user_id": contact.id, "address": contact.email}
    return to | {"state": State.NEW, "next_at": now, "last_error": None}


def _to_nobody(tenant_id: UUID) -> dict[str, Any]:
    to = {"recipient": tenant_id, "user_id": None, "address": None}
    return to | {"state": State.NO_RECIPIENT, "next_at": None, "last_error": NOBODY_THERE}
