"""New messages, gathered: one mail a thread and user, which waits a little for more, and for being read in time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from chassis.database import insert_ignoring
from services.notifier.actions import digests
from services.notifier.actions.deliveries import audiences, delivery_rows, digest_rows
from services.notifier.actions.tenants import lock_tenant
from services.notifier.models import Contact, Delivery, DigestItem, ReadMark, Tenant
from services.notifier.queries import deliveries as queries
from services.notifier.queries.digests import read_upto
from services.notifier.rules.mails import MESSAGE, MOST_SHOWN
from services.notifier.rules.preferences import Cadence
from services.notifier.rules.wording import printable
from services.notifier.telemetry import count_suppressed

READ = "Everything in it was read before it was sent."


def tell_of_message(
    session: Session,
    *,
    event_id: UUID,
    thread_id: UUID,
    sequence: int,
    tenant_id: UUID,
    thread: Mapping[str, str],
    message: Mapping[str, str],
    domain: str,
    wait: timedelta,
    now: datetime,
) -> None:
    """Let the users of a tenant hear of a message to it, unless the tenant has read it (S0-61).

    Args:
        sequence: the event's number in the history of the thread, which tells what came before what.
        thread, message: what the mail says of them.
    """
    tenant = lock_tenant(session, tenant_id)
    is_read = sequence < read_upto(session, tenant_id, thread_id)
    if is_read or queries.queued(session, MESSAGE.template, [event_id]):
        return
    said = {name: printable(text) for name, text in message.items()} | {"sequence": sequence}
    about = {name: printable(text) for name, text in thread.items()} | {"thread_id": str(thread_id)}
    fitting = audiences(session, MESSAGE, [tenant])[tenant_id]
    at_once: list[Contact | None] = [one for one, wishes in fitting if wishes.cadence("message") is Cadence.INSTANT]
    new = _add_to_waiting(session, tenant, thread_id, at_once if fitting else [None], said)
    common: dict[str, Any] = {"event_id": event_id, "tenant_id": tenant_id, "thread_id": thread_id, "now": now}
    context = about | {"messages": [said], "left_out": 0}
    mails = delivery_rows(MESSAGE, new, **common, context=context, domain=domain, send_at=now + wait)
    insert_ignoring(session, Delivery, mails)
    items = digest_rows(MESSAGE, fitting, **common, context=about | said, sequence=sequence)
    insert_ignoring(session, DigestItem, items)


def mark_read(session: Session, *, tenant_id: UUID, thread_id: UUID, sequence: int) -> None:
    """Forget the messages of a thread that came before this event of it: the tenant has read them."""
    lock_tenant(session, tenant_id)
    insert_ignoring(session, ReadMark, [{"tenant_id": tenant_id, "thread_id": thread_id, "sequence": sequence}])
    session.execute(
        update(ReadMark)
        .where(ReadMark.tenant_id == tenant_id, ReadMark.thread_id == thread_id, ReadMark.sequence < sequence)
        .values(sequence=sequence)
    )
    for delivery in queries.waiting_of_thread(session, tenant_id, thread_id):
        if leave_out_read(delivery, sequence):
            count_suppressed(session, delivery)
    digests.forget_read(session, tenant_id, thread_id, sequence)


def leave_out_read(delivery: Delivery, sequence: int) -> bool:
    """Take out of a mail what came before this event of its thread; whether nothing was left, so there is no mail."""
    unread = [message for message in delivery.context["messages"] if message["sequence"] > sequence]
    if not unread:
        delivery.suppress(READ)
    elif len(unread) < len(delivery.context["messages"]):
        delivery.context = delivery.context | {"messages": unread, "left_out": 0}
    return not unread


def _add_to_waiting(
    session: Session, tenant: Tenant, thread_id: UUID, recipients: list[Contact | None], said: Mapping[str, Any]
) -> list[Contact | None]:
    """Add a message to the mails that wait for more of its thread; those of ``recipients`` who have none."""
    waiting = {
        delivery.user_id: delivery
        for delivery in queries.waiting_of_thread(session, tenant.id, thread_id)
        if not delivery.attempts  # one that may have arrived must not say more when it is repeated
    }
    for contact in recipients:
        if delivery := waiting.get(contact.id if contact else None):
            _gather(delivery, said)
    return [contact for contact in recipients if (contact.id if contact else None) not in waiting]


def _gather(delivery: Delivery, said: Mapping[str, Any]) -> None:
    messages = sorted([*delivery.context["messages"], dict(said)], key=lambda one: one["sequence"])
    left_out = delivery.context.get("left_out", 0) + max(0, len(messages) - MOST_SHOWN)
    delivery.context = delivery.context | {"messages": messages[-MOST_SHOWN:], "left_out": left_out}
