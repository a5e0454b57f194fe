"""Reassignment: a colleague gets the mails of a user who was removed, suspended or given another role, and those that
came while a tenant had no suitable user.

The colleague hears of it the way they want to. The tenant is locked all the time.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.notifier.audience import queries as audience_queries
from services.notifier.audience.digests import entries_of
from services.notifier.audience.models import Contact, DigestItem
from services.notifier.audience.rules import Wishes
from services.notifier.audience.tenants import lock_tenant
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import count_suppressed
from services.notifier.deliveries.models import Delivery, Recipient
from services.notifier.deliveries.rows import delivery_rows
from services.notifier.deliveries.rules import KEEP_UNADDRESSED, RETRY_DELAYS
from services.notifier.topics import BY_NAME
from services.notifier.topics.base import Cadence
from services.notifier.topics.digests import DIGEST
from services.notifier.topics.messages import MESSAGE, together

REMOVED = (
    "The user was removed, suspended or given another role, and the tenant has no other user who could get this mail."
)
COVERED = "The user was removed, suspended or given another role; another user of the tenant gets this mail."
PERSONAL = "The person was removed or suspended, and nobody gets this mail in their place."
WITHDRAWN = "The invitation was withdrawn before the mail was sent."
IN_A_DIGEST = "Another user of the tenant gets this in their digest."
UNWANTED = "No remaining user of the tenant wants to hear of this."

EAGER_FIRST = (Cadence.INSTANT, Cadence.DAILY, Cadence.WEEKLY, Cadence.OFF)


def reassign(session: Session, delivery_id: UUID, tenant_id: UUID, *, now: datetime) -> Delivery | None:
    """Give a due mail to a colleague of the user who may no longer get it; returns the mail, or None where another
    process was faster.

    The removal or change of a user reassigns what is waiting. This is for what was being sent at that moment and came
    back.
    """
    lock_tenant(session, tenant_id)
    delivery = queries.lock_due(session, delivery_id, now)
    contact = delivery and session.get(Contact, delivery.user_id)
    if delivery is None or (contact and contact.may_get(BY_NAME[delivery.template])):
        return None
    _unassign(session, delivery)
    session.flush()
    reassign_unaddressed(session, tenant_id, now)
    return delivery


def postpone(session: Session, delivery_id: UUID, *, now: datetime) -> None:
    """Postpone a mail that cannot be reassigned, so that it blocks no other."""
    if delivery := queries.lock_due(session, delivery_id, now):
        delivery.postpone(now + RETRY_DELAYS[-1])


def take_from(session: Session, user_id: UUID, tenant_id: UUID, *, role: str | None, now: datetime) -> None:
    """Take from a user what they have not heard of yet and may no longer hear of, also what waits for their digest.

    Args:
        role: what they are now; None if they may get nothing at all.
    """
    queued = queries.lock_queued(session, user_id)
    digests = [delivery.event_id for delivery in queued if delivery.template == DIGEST.name]
    items = [
        item
        for item in audience_queries.unsent_items(session, user_id, digests)
        if BY_NAME[item.template].roles and not _fits(item.template, role)
    ]
    insert_ignoring(session, Delivery, _as_mails(session, _uncovered(session, tenant_id, items, now), now))
    session.execute(delete(DigestItem).where(DigestItem.id.in_([item.id for item in items])))
    for delivery in queries.lock_queued(session, user_id):
        if not _fits(delivery.template, role):
            _unassign(session, delivery)


def reassign_unaddressed(session: Session, tenant_id: UUID, now: datetime) -> None:
    """Reassign mails without a recipient to a suitable user, one user an event, preferring immediate delivery."""
    since = now - KEEP_UNADDRESSED
    unaddressed = queries.lock_unaddressed(session, tenant_id, since)
    if not unaddressed:
        return
    tenant = lock_tenant(session, tenant_id)
    contacts = audience_queries.contacts(session, [tenant_id])
    wishes = audience_queries.wishes_of(session, [tenant], contacts)
    hearings = _hearings(session, contacts, since)
    entries: list[dict[str, Any]] = []
    for delivery in unaddressed:
        topic = BY_NAME[delivery.template]
        suitable = [contact for contact in contacts if contact.role in topic.roles]
        if any((delivery.event_id, delivery.template, contact.id) in hearings for contact in suitable):
            _suppress(session, delivery, COVERED)
        elif suitable:
            heir = min(suitable, key=lambda contact: EAGER_FIRST.index(wishes[contact.id].cadence(topic.name)))
            if not _is_known(session, delivery, heir):
                entries += _assign(session, delivery, heir, wishes[heir.id], now)
            hearings.add((delivery.event_id, delivery.template, heir.id))
    insert_ignoring(session, DigestItem, entries)


def _fits(template: str, role: str | None) -> bool:
    """Whether a user of this role may get such mail; a user without one may not."""
    roles = BY_NAME[template].roles
    return role is not None and (not roles or role in roles)


def _unassign(session: Session, delivery: Delivery) -> None:
    """Take a mail from its recipient: a colleague may get it, unless it was personal."""
    topic = BY_NAME[delivery.template]
    if topic.roles:
        delivery.lose_recipient(REMOVED)
    else:
        _suppress(session, delivery, WITHDRAWN if topic.before_joining else PERSONAL)


def _is_known(session: Session, delivery: Delivery, heir: Contact) -> bool:
    """Remove from a mail the messages that its heir hears of otherwise; returns whether none is left."""
    if delivery.thread_id is None:
        return False
    numbers = queries.message_numbers(session, heir.id, delivery.thread_id)
    numbers |= audience_queries.message_numbers(session, heir.id, delivery.thread_id)
    messages = [message for message in delivery.context["messages"] if message["sequence"] not in numbers]
    if not messages:
        _suppress(session, delivery, COVERED)
    elif len(messages) < len(delivery.context["messages"]):
        delivery.context = delivery.context | {"messages": messages, "left_out": 0}
    return not messages


def _assign(session: Session, delivery: Delivery, heir: Contact, wishes: Wishes, now: datetime) -> list[dict[str, Any]]:
    """Give a mail to a user the way they want it; returns the entries of their digest if they want it there."""
    cadence = wishes.cadence(delivery.topic)
    if cadence is Cadence.INSTANT:
        delivery.address_to(Recipient(heir.id, heir.email), now)
        return []
    _suppress(session, delivery, UNWANTED if cadence is Cadence.OFF else IN_A_DIGEST)
    return entries_of(delivery, heir, wishes, now)


def _suppress(session: Session, delivery: Delivery, reason: str) -> None:
    delivery.suppress(reason)
    count_suppressed(session, delivery)


def _hearings(session: Session, contacts: Iterable[Contact], since: datetime) -> set[queries.Hearing]:
    """Who of these users has heard, or will hear, of what."""
    users = [contact.id for contact in contacts]
    return queries.hearings(session, users, since) | audience_queries.hearings(session, users, since)


def _uncovered(session: Session, tenant_id: UUID, items: Sequence[DigestItem], now: datetime) -> list[DigestItem]:
    """Those of a removed user's entries that no suitable colleague hears of otherwise."""
    if not items:
        return []
    colleagues = audience_queries.contacts(session, [tenant_id])
    hearings = _hearings(session, colleagues, now - KEEP_UNADDRESSED)
    return [
        item
        for item in items
        if not any(
            (item.event_id, item.template, colleague.id) in hearings
            for colleague in colleagues
            if colleague.role in BY_NAME[item.template].roles
        )
    ]


def _as_mails(session: Session, items: Iterable[DigestItem], now: datetime) -> list[dict[str, Any]]:
    """Entries of a removed user's digest as the mails they would have been; the messages of a thread are one."""
    groups: dict[tuple[str, UUID], list[DigestItem]] = {}
    for item in items:
        groups.setdefault((item.template, item.thread_id or item.event_id), []).append(item)
    rows: list[dict[str, Any]] = []
    for (name, _), entries in groups.items():
        item = entries[0]
        context = together([entry.context for entry in entries]) if name == MESSAGE.name else item.context
        event: dict[str, Any] = {"event_id": item.event_id, "tenant_id": item.tenant_id, "context": context}
        rows += delivery_rows(
            session, BY_NAME[name], [Recipient(item.user_id, None)], **event, now=now, thread_id=item.thread_id
        )
    return rows
