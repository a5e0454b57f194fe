"""The row of a mail, written before anybody sends it."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from services.notifier import settings
from services.notifier.deliveries.models import Recipient
from services.notifier.deliveries.rules import State
from services.notifier.topics.base import Context, Topic

NOBODY_THERE = "The tenant has no user who could get this mail."


def delivery_rows(
    session: Session,
    topic: Topic,
    recipients: Iterable[Recipient | None],
    *,
    event_id: UUID,
    tenant_id: UUID,
    context: Context,
    now: datetime,
    send_at: datetime | None = None,
    thread_id: UUID | None = None,
    key: UUID | None = None,
) -> list[dict[str, Any]]:
    """A mail for each of these users, to be sent now or at ``send_at``; None stands for the next suitable user. ``key``
    stands for the user's id where one user gets two mails about the same event."""
    domain = settings.of(settings.process_of(session)).domain
    mail = {
        "event_id": event_id,
        "template": topic.name,
        "category": topic.category,
        "topic": topic.name,
        "tenant_id": tenant_id,
        "context": dict(context),
        "subject": topic.subject_of(context),
        "thread_id": thread_id,
        "attempts": 0,
        "created_at": now,
        "queued_at": send_at or now,
    }
    rows = []
    for recipient in recipients:
        addressee: dict[str, Any] = {"recipient": tenant_id, "user_id": None, "address": None, "next_at": None}
        addressee |= {"state": State.NO_RECIPIENT, "last_error": NOBODY_THERE}
        if recipient:
            addressee = {
                "recipient": key or recipient.user_id,
                "user_id": recipient.user_id,
                "address": recipient.address,
            }
            addressee |= {"state": State.NEW, "next_at": send_at or now, "last_error": None}
        ids = {"id": uuid7(), "message_id": message_id(event_id, topic.name, addressee["recipient"], domain)}
        rows.append(mail | addressee | ids)
    return rows


def message_id(event_id: UUID, template: str, recipient: UUID, domain: str) -> str:
    """The Message-ID of a mail. It follows from event, template and recipient, so it is the same every time."""
    digest = hashlib.sha256(f"{template}:{recipient}".encode()).hexdigest()[:16]
    return f"<{event_id}.{digest}@{domain}>"
