"""Entries of digests: the row of an event that waits for its user's next digest."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from services.notifier.audience.models import Contact
from services.notifier.audience.rules import DIGESTS, Wishes
from services.notifier.deliveries.models import Delivery
from services.notifier.topics import BY_NAME
from services.notifier.topics.base import Context, Topic
from services.notifier.topics.messages import apart


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
    """A mail as entries of a user's next digest, messages one by one; none where they want none there."""
    rows: list[dict[str, Any]] = []
    for number, (context, sequence) in enumerate(apart(delivery.context)):
        # Of messages gathered in one mail only the first one's event is known.
        event_id = uuid5(delivery.event_id, str(sequence)) if number else delivery.event_id
        about: dict[str, Any] = {"event_id": event_id, "tenant_id": delivery.tenant_id, "context": context, "now": now}
        about |= {"thread_id": delivery.thread_id, "sequence": sequence}
        rows += entry_rows(BY_NAME[delivery.template], [(contact, wishes)], **about)
    return rows
