"""New messages, gathered: one mail a thread and user, which waits a little for more, and for being read in time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.notifier.audience import digests
from services.notifier.audience.digest_models import DigestItem, ReadMark
from services.notifier.audience.digest_queries import read_marks
from services.notifier.audience.models import Contact
from services.notifier.audience.notices import Audience, audiences, delivery_rows, digest_rows
from services.notifier.audience.rules import Cadence
from services.notifier.audience.tenants import lock_tenant, lock_tenants
from services.notifier.common.wording import printable
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import count_suppressed
from services.notifier.deliveries.models import Delivery
from services.notifier.topics.mails import MESSAGE, MOST_SHOWN

READ = "Everything in it was read before it was sent."

Waiting = dict[tuple[UUID, UUID | None, UUID | None], Delivery | dict[str, Any]]
"""By tenant, thread and user a mail that waits for more messages: one that is stored, or the row of a new one."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message that a tenant is to hear of.

    Attributes:
        sequence: the event's number in the history of the thread, which tells what came before what.
        thread, message: what the mail says of them.
    """

    event_id: UUID
    tenant_id: UUID
    thread_id: UUID
    sequence: int
    thread: Mapping[str, str]
    message: Mapping[str, str]

    @property
    def said(self) -> dict[str, Any]:
        return {name: printable(text) for name, text in self.message.items()} | {"sequence": self.sequence}

    @property
    def about(self) -> dict[str, Any]:
        return {name: printable(text) for name, text in self.thread.items()} | {"thread_id": str(self.thread_id)}


def tell_of_messages(session: Session, posts: Sequence[Post], *, domain: str, wait: timedelta, now: datetime) -> None:
    """Let the users of tenants hear of messages to them, unless the tenant has read them (S0-61).

    A fixed number of statements, however many the messages are.
    """
    tenants = lock_tenants(session, {post.tenant_id for post in posts})
    read = read_marks(session, {_thread_of(post) for post in posts})
    queued = queries.queued(session, MESSAGE.template, [post.event_id for post in posts])
    unread = [
        post
        for post in posts
        if post.sequence >= read.get(_thread_of(post), 0) and (post.event_id, post.tenant_id) not in queued
    ]
    if not unread:
        return
    fitting = audiences(session, MESSAGE, tenants.values())
    waiting = _waiting_mails(session, {post.thread_id for post in unread})
    mails: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for post in unread:
        audience = fitting[post.tenant_id]
        common: dict[str, Any] = {"event_id": post.event_id, "tenant_id": post.tenant_id, "thread_id": post.thread_id}
        new = _add_to_waiting(waiting, post, _at_once(audience))
        context = post.about | {"messages": [post.said], "left_out": 0}
        rows = delivery_rows(MESSAGE, new, **common, now=now, context=context, domain=domain, send_at=now + wait)
        waiting.update({(*_thread_of(post), row["user_id"]): row for row in rows})
        mails += rows
        items += digest_rows(
            MESSAGE, audience, **common, now=now, context=post.about | post.said, sequence=post.sequence
        )
    insert_ignoring(session, Delivery, mails)
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
    for delivery in queries.waiting_of_threads(session, [thread_id], tenant_id):
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


def _thread_of(post: Post) -> tuple[UUID, UUID | None]:
    return post.tenant_id, post.thread_id


def _at_once(audience: Audience) -> list[Contact | None]:
    """Who gets a mail; None for whoever comes to a tenant that has nobody."""
    instant = [contact for contact, wishes in audience if wishes.cadence(MESSAGE.topic) is Cadence.INSTANT]
    return list(instant) if audience else [None]


def _waiting_mails(session: Session, thread_ids: Collection[UUID]) -> Waiting:
    """The mails that wait for more of their threads."""
    return {
        (delivery.tenant_id, delivery.thread_id, delivery.user_id): delivery
        for delivery in queries.waiting_of_threads(session, thread_ids)
        if not delivery.attempts  # one that may have arrived must not say more when it is repeated
    }


def _add_to_waiting(waiting: Waiting, post: Post, recipients: Sequence[Contact | None]) -> list[Contact | None]:
    """Add a message to the mails that wait for more of its thread; those of ``recipients`` who have none."""
    new = []
    for contact in recipients:
        mail = waiting.get((*_thread_of(post), contact.id if contact else None))
        if mail is None:
            new.append(contact)
        elif isinstance(mail, Delivery):
            mail.context = _gathered(mail.context, post.said)
        else:
            mail["context"] = _gathered(mail["context"], post.said)
    return new


def _gathered(context: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    messages = sorted([*context["messages"], dict(said)], key=lambda message: message["sequence"])
    left_out = context.get("left_out", 0) + max(0, len(messages) - MOST_SHOWN)
    return {**context, "messages": messages[-MOST_SHOWN:], "left_out": left_out}
