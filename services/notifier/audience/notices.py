"""Writing down each mail before anybody sends it."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.data.bulk import insert_ignoring
from services.notifier.audience import queries as people
from services.notifier.audience.digest_models import DigestItem
from services.notifier.audience.models import Contact, Tenant
from services.notifier.audience.rules import DIGESTS, Cadence, Wishes
from services.notifier.audience.tenants import lock_tenant, lock_tenants
from services.notifier.common import wording
from services.notifier.deliveries import queries
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import State
from services.notifier.topics import mails
from services.notifier.topics.mails import Mail
from services.notifier.topics.messages import apart

NOBODY_THERE = "The tenant has no user who could get this mail."

Audience = Sequence[tuple[Contact, Wishes]]


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that a tenant is to hear of. ``context`` is what a mail says about it."""

    event_id: UUID
    tenant_id: UUID
    context: Mapping[str, Any]


def queue_mail(
    session: Session,
    mail: Mail,
    *,
    event_id: UUID,
    tenant_id: UUID,
    context: Mapping[str, Any],
    domain: str,
    now: datetime,
) -> None:
    """Let the users of a tenant hear of one event, see :func:`queue_mails`."""
    queue_mails(session, mail, [Notice(event_id, tenant_id, context)], domain=domain, now=now)


def queue_mails(session: Session, mail: Mail, notices: Sequence[Notice], *, domain: str, now: datetime) -> None:
    """Let each user that a mail is for hear of events as they have chosen, once an event, whatever comes twice (S0-27).

    A tenant without such a user gets a ``no_recipient`` row, which the next fitting user takes over. A fixed number of
    statements, however many the events are.
    """
    tenants = lock_tenants(session, {notice.tenant_id for notice in notices})
    queued = queries.queued(session, mail.template, [notice.event_id for notice in notices])
    fitting = audiences(session, mail, tenants.values())
    mails: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for notice in notices:
        if (notice.event_id, notice.tenant_id) not in queued:
            new_mails, new_items = _rows(mail, fitting[notice.tenant_id], notice, domain=domain, now=now)
            mails += new_mails
            items += new_items
    insert_ignoring(session, Delivery, mails)
    insert_ignoring(session, DigestItem, items)


def queue_for(
    session: Session,
    mail: Mail,
    contact: Contact,
    *,
    event_id: UUID,
    context: Mapping[str, Any],
    domain: str,
    now: datetime,
) -> None:
    """Let one contact hear of an event that is theirs alone, as they have chosen, once an event."""
    tenant = lock_tenant(session, contact.tenant_id)
    wishes = people.wishes_of(session, [tenant], [contact])
    notice = Notice(event_id, tenant.id, context)
    mails, items = _rows(mail, [(contact, wishes[contact.id])], notice, domain=domain, now=now)
    insert_ignoring(session, Delivery, mails)
    insert_ignoring(session, DigestItem, items)


def _rows(
    mail: Mail, fitting: Audience, notice: Notice, *, domain: str, now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The mails and the entries of digests by which these users hear of an event."""
    at_once: list[Contact | None] = [one for one, wishes in fitting if wishes.cadence(mail.topic) is Cadence.INSTANT]
    said = {key: wording.printable(value) if isinstance(value, str) else value for key, value in notice.context.items()}
    about: dict[str, Any] = {"event_id": notice.event_id, "tenant_id": notice.tenant_id, "context": said, "now": now}
    mails = delivery_rows(mail, at_once if fitting else [None], **about, domain=domain)
    return mails, digest_rows(mail, fitting, **about)


def audiences(session: Session, mail: Mail, tenants: Collection[Tenant]) -> Mapping[UUID, Audience]:
    """By tenant the users that a mail is for, and what they want to hear."""
    found: dict[UUID, list[tuple[Contact, Wishes]]] = {tenant.id: [] for tenant in tenants}
    fitting = [contact for contact in people.contacts(session, found) if contact.role in mail.roles]
    wishes = people.wishes_of(session, tenants, fitting)
    for contact in fitting:
        found[contact.tenant_id].append((contact, wishes[contact.id]))
    return found


def delivery_rows(
    mail: Mail,
    recipients: Iterable[Contact | None],
    *,
    event_id: UUID,
    tenant_id: UUID,
    context: Mapping[str, Any],
    domain: str,
    now: datetime,
    send_at: datetime | None = None,
    thread_id: UUID | None = None,
) -> list[dict[str, Any]]:
    """A mail for each of these users, to be sent now or at ``send_at``; None is for whoever comes."""
    about = {
        "event_id": event_id,
        "template": mail.template,
        "category": mail.category,
        "topic": mail.topic,
        "tenant_id": tenant_id,
        "context": dict(context),
        "subject": mails.subject_of(mail, context),
        "thread_id": thread_id,
        "attempts": 0,
        "created_at": now,
        "queued_at": send_at or now,
    }
    rows = []
    for contact in recipients:
        to = _to_user(contact, send_at or now) if contact else _to_nobody(tenant_id)
        own = {"id": uuid7(), "message_id": message_id(event_id, mail.template, to["recipient"], domain)}
        rows.append(about | to | own)
    return rows


def digest_rows(
    mail: Mail,
    audience: Audience,
    *,
    event_id: UUID,
    tenant_id: UUID,
    context: Mapping[str, Any],
    now: datetime,
    thread_id: UUID | None = None,
    sequence: int | None = None,
) -> list[dict[str, Any]]:
    """An event in the next digest of each of these users who wants it there."""
    return [
        {
            "id": uuid7(),
            "user_id": contact.id,
            "tenant_id": tenant_id,
            "topic": mail.topic,
            "cadence": str(cadence),
            "event_id": event_id,
            "template": mail.template,
            "thread_id": thread_id,
            "sequence": sequence,
            "context": dict(context),
            "created_at": now,
            "due_at": wishes.next_digest(cadence, now),
        }
        for contact, wishes in audience
        if (cadence := wishes.cadence(mail.topic)) in DIGESTS
    ]


def as_entries(delivery: Delivery, contact: Contact, wishes: Wishes, now: datetime) -> list[dict[str, Any]]:
    """What a mail says as entries of a user's next digest, messages one by one; none where they want none there."""
    rows: list[dict[str, Any]] = []
    for number, (context, sequence) in enumerate(apart(delivery.context)):
        # Of messages gathered in one mail only the first one's event is known.
        event_id = uuid5(delivery.event_id, str(sequence)) if number else delivery.event_id
        about: dict[str, Any] = {"event_id": event_id, "tenant_id": delivery.tenant_id, "context": context, "now": now}
        about |= {"thread_id": delivery.thread_id, "sequence": sequence}
        rows += digest_rows(mails.MAILS[delivery.template], [(contact, wishes)], **about)
    return rows


def message_id(event_id: UUID, template: str, recipient: UUID, domain: str) -> str:
    """The Message-ID of a mail: told by what it is about and whom it is for, so the same whenever it is asked."""
    digest = hashlib.sha256(f"{template}:{recipient}".encode()).hexdigest()[:16]
    return f"<{event_id}.{digest}@{domain}>"


def _to_user(contact: Contact, at: datetime) -> dict[str, Any]:
    to = {"recipient": contact.id, "user_id": contact.id, "address": contact.email}
    return to | {"state": State.NEW, "next_at": at, "last_error": None}


def _to_nobody(tenant_id: UUID) -> dict[str, Any]:
    to = {"recipient": tenant_id, "user_id": None, "address": None}
    return to | {"state": State.NO_RECIPIENT, "next_at": None, "last_error": NOBODY_THERE}
