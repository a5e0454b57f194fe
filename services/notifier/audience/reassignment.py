"""Passing on what nobody gets: a removed user's mails, and what came while the tenant had no fitting user.

Who takes it over hears of it the way they want to. All of it happens with the tenant locked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.notifier.audience import digest_queries
from services.notifier.audience import queries as people
from services.notifier.audience.digest_models import DigestItem
from services.notifier.audience.models import Contact
from services.notifier.audience.notices import as_entries, delivery_rows
from services.notifier.audience.rules import Cadence, Wishes
from services.notifier.audience.tenants import lock_tenant
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import count_suppressed
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import KEEP_UNADDRESSED, RETRY_DELAYS
from services.notifier.topics.mails import DIGEST, MAILS, MESSAGE
from services.notifier.topics.messages import together

REMOVED = "The user was removed, and the tenant has nobody else who could get this mail."
COVERED = "The user was removed; somebody else of the tenant gets this mail."
IN_A_DIGEST = "Somebody of the tenant gets this in their digest."
UNWANTED = "Nobody who is left in the tenant wants to hear of this."

EAGER_FIRST = (Cadence.INSTANT, Cadence.DAILY, Cadence.WEEKLY, Cadence.OFF)


def pass_on(session: Session, delivery_id: UUID, tenant_id: UUID, *, now: datetime) -> Delivery | None:
    """Take a due mail from a removed user and give it to a colleague; the mail, or None where somebody was quicker.

    The removal itself passes on what is waiting. This is for what was being sent at that moment and came back.
    """
    lock_tenant(session, tenant_id)
    delivery = queries.due(session, delivery_id, now)
    contact = delivery and session.get(Contact, delivery.user_id)
    if delivery is None or (contact and contact.active):
        return None
    _take_away(session, delivery)
    session.flush()
    readdress(session, tenant_id, now)
    return delivery


def put_off(session: Session, delivery_id: UUID, *, now: datetime) -> None:
    """Let a mail that cannot be passed on wait, so that it holds up nobody else's."""
    if delivery := queries.due(session, delivery_id, now):
        delivery.hold(now + RETRY_DELAYS[-1])


def take_all(session: Session, contact: Contact, *, domain: str, now: datetime) -> None:
    """Take from a user who is being removed what they have not heard of yet, also what waits for their digest."""
    queued = queries.queued_for(session, contact.id)
    unsent = [delivery.event_id for delivery in queued if delivery.template == DIGEST.template]
    items = [item for item in digest_queries.unsent(session, contact.id, unsent) if MAILS[item.template].roles]
    insert_ignoring(session, Delivery, _as_mails(_untold(session, contact, items, now), contact, domain, now))
    for delivery in queries.queued_for(session, contact.id):
        _take_away(session, delivery)


def readdress(session: Session, tenant_id: UUID, now: datetime) -> None:
    """Let a user who fits hear of what nobody gets, one user an event, those first who want it at once."""
    since = now - KEEP_UNADDRESSED
    waiting = queries.unaddressed(session, tenant_id, since)
    if not waiting:
        return
    tenant = lock_tenant(session, tenant_id)
    contacts = people.contacts(session, [tenant_id])
    wishes = people.wishes_of(session, [tenant], contacts)
    told = _told(session, contacts, since)
    entries: list[dict[str, Any]] = []
    for delivery in waiting:
        mail = MAILS[delivery.template]
        fitting = [contact for contact in contacts if contact.role in mail.roles]
        if any((delivery.event_id, delivery.template, contact.id) in told for contact in fitting):
            _suppress(session, delivery, COVERED)
        elif fitting:
            heir = min(fitting, key=lambda one: EAGER_FIRST.index(wishes[one.id].cadence(mail.topic)))
            if not _is_known(session, delivery, heir):
                entries += _give(session, delivery, heir, wishes[heir.id], now)
            told.add((delivery.event_id, delivery.template, heir.id))
    insert_ignoring(session, DigestItem, entries)


def _take_away(session: Session, delivery: Delivery) -> None:
    """Take a mail from a removed user: for a colleague, or for nobody where it was theirs alone."""
    if MAILS[delivery.template].roles:
        delivery.lose_recipient(REMOVED)
    else:
        _suppress(session, delivery, REMOVED)


def _is_known(session: Session, delivery: Delivery, heir: Contact) -> bool:
    """Take out of a mail the messages its heir has been told of otherwise; whether those are all, so there is none."""
    if delivery.thread_id is None:
        return False
    known = queries.messages_told(session, heir.id, delivery.thread_id)
    known |= digest_queries.messages_told(session, heir.id, delivery.thread_id)
    new = [message for message in delivery.context["messages"] if message["sequence"] not in known]
    if not new:
        _suppress(session, delivery, COVERED)
    elif len(new) < len(delivery.context["messages"]):
        delivery.context = delivery.context | {"messages": new, "left_out": 0}
    return not new


def _give(session: Session, delivery: Delivery, heir: Contact, wishes: Wishes, now: datetime) -> list[dict[str, Any]]:
    """Let a user have a mail as they want it; the entries of their digest, where that is how."""
    cadence = wishes.cadence(delivery.topic)
    if cadence is Cadence.INSTANT:
        delivery.address_to(heir, now)
        return []
    _suppress(session, delivery, UNWANTED if cadence is Cadence.OFF else IN_A_DIGEST)
    return as_entries(delivery, heir, wishes, now)


def _suppress(session: Session, delivery: Delivery, reason: str) -> None:
    delivery.suppress(reason)
    count_suppressed(session, delivery)


def _told(session: Session, contacts: Iterable[Contact], since: datetime) -> set[queries.Told]:
    """Who of these users has heard, or will hear, of what."""
    users = [contact.id for contact in contacts]
    return queries.addressed_to(session, users, since) | digest_queries.told(session, users, since)


def _untold(session: Session, contact: Contact, items: Sequence[DigestItem], now: datetime) -> list[DigestItem]:
    """Those of a user's entries that no fitting colleague has heard of otherwise."""
    if not items:
        return []
    colleagues = [one for one in people.contacts(session, [contact.tenant_id]) if one.id != contact.id]
    told = _told(session, colleagues, now - KEEP_UNADDRESSED)
    return [
        item
        for item in items
        if not any(
            (item.event_id, item.template, one.id) in told
            for one in colleagues
            if one.role in MAILS[item.template].roles
        )
    ]


def _as_mails(items: Iterable[DigestItem], contact: Contact, domain: str, now: datetime) -> list[dict[str, Any]]:
    """Entries of a user's digest as the mails they would have been; the messages of a thread are one."""
    mails: dict[tuple[str, UUID], list[DigestItem]] = {}
    for item in items:
        mails.setdefault((item.template, item.thread_id or item.event_id), []).append(item)
    rows: list[dict[str, Any]] = []
    for (template, _), entries in mails.items():
        first = entries[0]
        said = together([one.context for one in entries]) if template == MESSAGE.template else first.context
        about: dict[str, Any] = {"event_id": first.event_id, "tenant_id": first.tenant_id, "context": said}
        rows += delivery_rows(MAILS[template], [contact], **about, domain=domain, now=now, thread_id=first.thread_id)
    return rows
