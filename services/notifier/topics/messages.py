"""New messages in a thread, for the other party (S0-61, D14). A mail gathers several, see ``audience.gathering``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marshmallow import fields

from chassis.core.clock import rfc3339
from chassis.http.schemas import CamelSchema
from chassis.messaging.events import Received
from services.notifier.common.wording import printable
from services.notifier.topics.base import MOST_SHOWN, Context, Topic, grouped
from services.notifier.topics.partners import ADMINS, PartnersIn

OF_A_MESSAGE = ("sender_id", "sender_name", "preview", "at", "sequence")


class MessagePostedIn(PartnersIn):
    thread_id = fields.UUID(required=True)
    subject = fields.String(required=True)
    sender_name = fields.String(required=True)
    recipient_tenant_id = fields.UUID(required=True)
    preview = fields.String(required=True)


class ThreadReadIn(CamelSchema):
    thread_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)


@dataclass(frozen=True, slots=True)
class Post:
    """A message to a tenant.

    Attributes:
        sequence: the event's number in the history of the thread.
        thread_context, message_context: what a mail shows of both.
    """

    event_id: UUID
    tenant_id: UUID
    thread_id: UUID
    sequence: int
    thread_context: dict[str, Any]
    message_context: dict[str, Any]


def posted(event: Received) -> Post:
    message = event.data
    names = [printable(message.supplier_name), printable(message.retailer_name)]
    if message.recipient_tenant_id == message.supplier_id:
        names.reverse()
    thread = {"thread_subject": printable(message.subject), "party_name": names[0], "own_name": names[1]}
    text = {
        "sender_id": str(event.actor_id),
        "sender_name": printable(message.sender_name),
        "preview": printable(message.preview),
    }
    return Post(
        event.id,
        message.recipient_tenant_id,
        message.thread_id,
        event.sequence,
        thread_context=thread | {"thread_id": str(message.thread_id)},
        message_context=text | {"at": rfc3339(event.time), "sequence": event.sequence},
    )


def apart(context: Context) -> list[tuple[dict[str, Any], int | None]]:
    """The context of a mail as one context for each message, as a digest takes it, with the message's number."""
    if "messages" not in context:
        return [(dict(context), None)]
    thread = {name: value for name, value in context.items() if name not in ("messages", "left_out")}
    return [({**thread, **message}, message["sequence"]) for message in context["messages"]]


def together(entries: Sequence[Context]) -> dict[str, Any]:
    """The reverse: the context of a mail about messages that were to stand in a digest."""
    ordered = sorted(entries, key=lambda entry: entry["sequence"])
    thread = {name: value for name, value in ordered[-1].items() if name not in OF_A_MESSAGE}
    messages = [{name: entry[name] for name in OF_A_MESSAGE if name in entry} for entry in ordered]
    return {**thread, "messages": messages[-MOST_SHOWN:], "left_out": max(0, len(messages) - MOST_SHOWN)}


def by_thread(messages: Sequence[Context]) -> list[Context]:
    """Unread messages of each thread: the newest, and how many there are."""
    return [
        {**max(thread, key=lambda message: message["sequence"]), "count": len(thread)}
        for thread in grouped(messages, "thread_id")
    ]


MESSAGE = Topic(
    name="message",
    description="new messages",
    roles=ADMINS,
    subject="{thread_subject}: new message from {party_name}",
    section=by_thread,
)
