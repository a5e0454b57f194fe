"""Digests: entries wait for a user's next digest; closing a period puts all of them into one.

The tenant is locked all the time. So no event is added while a period is closed, two schedulers do not close the same
period, and an entry that came too late waits for the next one.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Update, delete, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.data.bulk import execute_counted, insert_ignoring
from services.notifier.audience import queries
from services.notifier.audience.models import OPEN, Contact, Digest, DigestItem
from services.notifier.audience.rules import DIGESTS, Wishes
from services.notifier.audience.tenants import lock_tenant
from services.notifier.deliveries.models import Delivery, Recipient
from services.notifier.deliveries.queries import lock_unsent
from services.notifier.deliveries.rows import delivery_rows
from services.notifier.deliveries.rules import State
from services.notifier.topics import BY_NAME
from services.notifier.topics.base import Cadence, Context, Topic
from services.notifier.topics.digests import DIGEST
from services.notifier.topics.messages import apart

UNTIL_RESUMED = datetime(2999, 1, 1, tzinfo=UTC)
"""When the entries of a suspended tenant are due, until it is resumed."""


def close_due(session: Session, tenant_id: UUID, user_id: UUID, cadence: Cadence, *, now: datetime) -> bool:
    """Write the digest of the period that ended last, with all that is due; False where another process has.

    It also takes what earlier periods left, if no scheduler closed them. What is due for a suspended tenant waits until
    it is resumed.
    """
    tenant = lock_tenant(session, tenant_id)
    if not queries.is_digest_due(session, user_id, cadence, now):
        return False
    if tenant.is_silent:
        postpone_entries(session, tenant_id, now=now)
        return False
    contact = session.get(Contact, user_id)
    if contact is None or not contact.is_reachable:
        drop_user(session, user_id)
        return False
    wishes = queries.wishes_of(session, [tenant], [contact])[user_id]
    digest = _open(session, contact, cadence, wishes, now)
    due = _waiting(user_id, cadence).where(DigestItem.due_at <= now)
    if digest is None:
        session.execute(due.values(due_at=wishes.next_digest(cadence, now)))
        return False
    session.execute(due.values(digest_id=digest))
    recipients = [Recipient(contact.id, contact.email)]
    event: dict[str, Any] = {"event_id": digest, "tenant_id": tenant_id, "context": {"cadence": str(cadence)}}
    insert_ignoring(session, Delivery, delivery_rows(session, DIGEST, recipients, **event, now=now))
    return True


def follow(session: Session, contact: Contact, before: Wishes, after: Wishes, now: datetime) -> None:
    """Apply a user's new wishes to what they have not got yet; the tenant is locked.

    * Entries of a digest move to its new time; they are not sent at once.
    * A mail whose topic comes in a digest now becomes an entry. A mail that a sender has tried may have arrived, so it
      stays a mail.
    * Mails that quiet hours postponed go out at once, or when the new quiet hours end.
    * Mails that are turned off now are suppressed when they would be sent.
    """
    _reschedule(session, contact.id, after, now)
    quiet_until = before.quiet_until(now)
    entries: list[dict[str, Any]] = []
    for delivery in lock_unsent(session, contact.id):
        untried = delivery.state == State.NEW and not delivery.attempts
        if untried and after.cadence(delivery.topic) in DIGESTS:
            entries += entries_of(delivery, contact, after, now)
            session.delete(delivery)
        elif quiet_until and delivery.next_at == quiet_until:
            delivery.postpone(after.quiet_until(now) or now)
    insert_ignoring(session, DigestItem, entries)


def forget_read(session: Session, tenant_id: UUID, thread_id: UUID, sequence: int) -> None:
    """Delete the messages that a tenant has read from digests that are not sent yet."""
    session.execute(
        delete(DigestItem).where(
            DigestItem.tenant_id == tenant_id, DigestItem.thread_id == thread_id, DigestItem.sequence < sequence
        )
    )


def postpone_entries(session: Session, tenant_id: UUID, *, now: datetime) -> None:
    """Take a silent tenant's due entries out of the schedulers' sight, so that each is looked at once."""
    due = update(DigestItem).where(DigestItem.tenant_id == tenant_id, OPEN, DigestItem.due_at <= now)
    execute_counted(session, due.values(due_at=UNTIL_RESUMED))


def resume_entries(session: Session, tenant_id: UUID, *, now: datetime) -> None:
    """Make the entries due that were postponed until the tenant is resumed."""
    postponed = update(DigestItem).where(DigestItem.tenant_id == tenant_id, OPEN, DigestItem.due_at == UNTIL_RESUMED)
    execute_counted(session, postponed.values(due_at=now))


def drop_user(session: Session, user_id: UUID) -> None:
    """Delete the entries of a user who gets nothing more, or nothing for the time being."""
    session.execute(delete(DigestItem).where(DigestItem.user_id == user_id))


def entry_rows(
    topic: Topic,
    listeners: Iterable[tuple[Contact, Wishes]],
    *,
    event_id: UUID,
    tenant_id: UUID,
    context: Context,
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
            "topic": topic.name,
            "cadence": str(cadence),
            "event_id": event_id,
            "template": topic.name,
            "thread_id": thread_id,
            "sequence": sequence,
            "context": dict(context),
            "created_at": now,
            "due_at": wishes.next_digest(cadence, now),
        }
        for contact, wishes in listeners
        if (cadence := wishes.cadence(topic.name)) in DIGESTS
    ]


def entries_of(delivery: Delivery, contact: Contact, wishes: Wishes, now: datetime) -> list[dict[str, Any]]:
    """A mail as entries of a user's next digest, one for each message; none if they want the topic elsewhere."""
    rows: list[dict[str, Any]] = []
    for number, (context, sequence) in enumerate(apart(delivery.context)):
        # Of messages gathered in one mail only the first one's event is known.
        event_id = uuid5(delivery.event_id, str(sequence)) if number else delivery.event_id
        event: dict[str, Any] = {"event_id": event_id, "tenant_id": delivery.tenant_id, "context": context, "now": now}
        event |= {"thread_id": delivery.thread_id, "sequence": sequence}
        rows += entry_rows(BY_NAME[delivery.template], [(contact, wishes)], **event)
    return rows


def _open(session: Session, contact: Contact, cadence: Cadence, wishes: Wishes, now: datetime) -> UUID | None:
    """The ledger's row for the period that ended last; None where there is one already."""
    end = wishes.last_digest(cadence, now)
    digest = uuid7()
    row = {
        "id": digest,
        "user_id": contact.id,
        "tenant_id": contact.tenant_id,
        "cadence": str(cadence),
        "period_start": wishes.last_digest(cadence, end - timedelta(microseconds=1)),
        "period_end": end,
        "created_at": now,
    }
    return digest if insert_ignoring(session, Digest, [row]) else None


def _reschedule(session: Session, user_id: UUID, wishes: Wishes, now: datetime) -> None:
    """Move entries to their new digest; delete those whose topic is off now."""
    for topic, wish in wishes.topics.items():
        if wish is Cadence.OFF:
            entries = delete(DigestItem).where(DigestItem.user_id == user_id, DigestItem.topic == topic)
            session.execute(entries.where(DigestItem.digest_id.is_(None)))
            continue
        for cadence in DIGESTS:
            target = wish if wish in DIGESTS else cadence
            values = {"cadence": str(target), "due_at": wishes.next_digest(target, now)}
            entries_due_later = _waiting(user_id, cadence).where(DigestItem.topic == topic, DigestItem.due_at > now)
            session.execute(entries_due_later.values(values))


def _waiting(user_id: UUID, cadence: Cadence) -> Update:
    entries = update(DigestItem).where(DigestItem.user_id == user_id, DigestItem.cadence == cadence)
    return entries.where(DigestItem.digest_id.is_(None))
