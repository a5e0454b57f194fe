"""Gathers new messages: one mail for each thread and user. It waits a little for more messages, or for a reader."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.notifier import settings
from services.notifier.audience import digests
from services.notifier.audience.models import DigestItem, ReadMark
from services.notifier.audience.notices import listeners_of, recipients_of
from services.notifier.audience.queries import read_marks
from services.notifier.audience.tenants import lock_tenant, lock_tenants
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import count_suppressed
from services.notifier.deliveries.models import Delivery, Recipient
from services.notifier.deliveries.rows import delivery_rows
from services.notifier.topics.base import MOST_SHOWN
from services.notifier.topics.messages import MESSAGE, Post

Waiting = dict[tuple[UUID, UUID | None, UUID | None], Delivery | dict[str, Any]]
"""Mails that wait for more messages, by tenant, thread and user: a stored mail, or the row of a new one."""


def notify_of_messages(session: Session, posts: Sequence[Post], *, now: datetime) -> None:
    """Write or extend mails about messages to these tenants, unless the tenant has read them (S0-61).

    The number of statements does not depend on the number of messages.
    """
    tenants = lock_tenants(session, {post.tenant_id for post in posts})
    marks = read_marks(session, {_thread_of(post) for post in posts})
    queued = queries.queued(session, MESSAGE.name, [post.event_id for post in posts])
    unread = [
        post
        for post in posts
        if post.sequence >= marks.get(_thread_of(post), 0) and (post.event_id, post.tenant_id) not in queued
    ]
    if not unread:
        return
    listeners = listeners_of(session, MESSAGE, tenants.values())
    waiting = _waiting_mails(session, {post.thread_id for post in unread}, tenants)
    send_at = now + timedelta(seconds=settings.of(settings.process_of(session)).gather_seconds)
    mails: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for post in unread:
        event: dict[str, Any] = {"event_id": post.event_id, "tenant_id": post.tenant_id, "thread_id": post.thread_id}
        event["now"] = now
        audience = listeners[post.tenant_id]
        recipients = _add_to_waiting(waiting, post, recipients_of(MESSAGE, audience))
        context = post.thread_context | {"messages": [post.message_context], "left_out": 0}
        rows = delivery_rows(session, MESSAGE, recipients, **event, context=context, send_at=send_at)
        waiting.update({(*_thread_of(post), row["user_id"]): row for row in rows})
        mails += rows
        context = post.thread_context | post.message_context
        entries += digests.entry_rows(MESSAGE, audience, **event, context=context, sequence=post.sequence)
    insert_ignoring(session, Delivery, mails)
    insert_ignoring(session, DigestItem, entries)


def mark_read(session: Session, *, tenant_id: UUID, thread_id: UUID, sequence: int) -> None:
    """Drop the messages of a thread that came before this event of it: the tenant has read them."""
    lock_tenant(session, tenant_id)
    insert_ignoring(session, ReadMark, [{"tenant_id": tenant_id, "thread_id": thread_id, "sequence": sequence}])
    session.execute(
        update(ReadMark)
        .where(ReadMark.tenant_id == tenant_id, ReadMark.thread_id == thread_id, ReadMark.sequence < sequence)
        .values(sequence=sequence)
    )
    for delivery in queries.lock_waiting_of_threads(session, [thread_id], [tenant_id]):
        if delivery.leave_out_read(sequence):
            count_suppressed(session, delivery)
    digests.forget_read(session, tenant_id, thread_id, sequence)


def _thread_of(post: Post) -> tuple[UUID, UUID | None]:
    return post.tenant_id, post.thread_id


def _waiting_mails(session: Session, thread_ids: Collection[UUID], tenant_ids: Collection[UUID]) -> Waiting:
    """The mails of these tenants that wait for more messages of these threads."""
    return {
        (delivery.tenant_id, delivery.thread_id, delivery.user_id): delivery
        for delivery in queries.lock_waiting_of_threads(session, thread_ids, tenant_ids)
        if not delivery.attempts  # one that may have arrived must not say more when it is repeated
    }


def _add_to_waiting(waiting: Waiting, post: Post, recipients: Sequence[Recipient | None]) -> list[Recipient | None]:
    """Add a message to the mails that wait for it; returns the ``recipients`` who have no such mail."""
    unserved = []
    for recipient in recipients:
        mail = waiting.get((*_thread_of(post), recipient.user_id if recipient else None))
        if mail is None:
            unserved.append(recipient)
        elif isinstance(mail, Delivery):
            mail.context = _gathered(mail.context, post.message_context)
        else:
            mail["context"] = _gathered(mail["context"], post.message_context)
    return unserved


def _gathered(context: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    messages = sorted([*context["messages"], dict(message)], key=itemgetter("sequence"))
    left_out = context.get("left_out", 0) + max(0, len(messages) - MOST_SHOWN)
    return {**context, "messages": messages[-MOST_SHOWN:], "left_out": left_out}
