"""What this service publishes. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.messaging.events import publishes


@publishes("messaging.ThreadStarted.v1")
@dataclass(frozen=True)
class ThreadStarted:
    """A supplier has opened a conversation; its first message has an event of its own."""

    thread_id: UUID
    subject: str
    supplier_id: UUID
    supplier_name: str
    retailer_id: UUID
    retailer_name: str
    about_type: str | None
    about_id: UUID | None


@publishes("messaging.MessagePosted.v1")
@dataclass(frozen=True)
class MessagePosted:
    """Somebody of one party has written to the other: a mail rests on it (S0-61), also for the first message (D14)."""

    message_id: UUID
    thread_id: UUID
    subject: str
    sender_tenant_id: UUID
    sender_name: str
    recipient_tenant_id: UUID
    supplier_id: UUID
    supplier_name: str
    retailer_id: UUID
    retailer_name: str
    preview: str
    is_system: bool


@publishes("messaging.ThreadRead.v1")
@dataclass(frozen=True)
class ThreadRead:
    """A tenant has read everything in a thread, by marking it as read or by answering. Visible to it alone."""

    thread_id: UUID
    tenant_id: UUID
    read_at: datetime
