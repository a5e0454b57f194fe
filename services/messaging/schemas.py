"""Threads and messages on the wire, and the events of others as far as they matter here."""

from typing import Any

from marshmallow import fields, post_load, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant, UpdateSchema, prose, text
from services.messaging.rules import Side, Topic

SUBJECT, BODY, SEARCH = 200, 10_000, 200


class AboutOut(CamelSchema):
    """What a thread is about: a campaign or an invite, as it was sent. ``checked`` is false: it was not checked
    whether there is one, or whose it is."""

    type = fields.String(required=True, validate=validate.OneOf(list(Topic)))
    id = fields.UUID(required=True)
    checked = fields.Constant(False, dump_only=True, required=True)


class AboutIn(UpdateSchema):
    """What a thread is about; ``checked``, as a thread shows it, is ignored (D65)."""

    answer = AboutOut

    type = fields.String(required=True, validate=validate.OneOf(list(Topic)))
    id = fields.UUID(required=True)


class ThreadIn(CamelSchema):
    """A new thread with its first message (S0-57)."""

    retailer_id = fields.UUID(required=True)
    subject = text(SUBJECT)
    first_message = prose(BODY)
    about = fields.Nested(AboutIn, load_default=None, allow_none=True)


class ThreadOut(CamelSchema):
    """A thread as the caller's side sees it (S0-64); dumps a ``queries.SeenThread``.

    ``waitingFor`` owes an answer since ``waitingSince``: the first message since its own last one.
    """

    id = fields.UUID(required=True)
    subject = fields.String(required=True)
    supplier_id = fields.UUID(required=True)
    supplier_name = fields.String(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)
    created_at = Instant(required=True)
    last_message_at = Instant(required=True)
    last_message_preview = fields.String(required=True)
    unread_count = fields.Integer(required=True)
    waiting_for = fields.String(required=True, validate=validate.OneOf(list(Side)))
    waiting_since = Instant(required=True)
    about = fields.Nested(AboutOut, required=True, allow_none=True)
    archived = fields.Boolean(required=True)
    updated_at = Instant(required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        seen = attr in ("unread_count", "archived", "updated_at")
        return super().get_attribute(obj if seen else obj.thread, attr, default)


class ThreadsIn(PageIn):
    """Archived threads are left out unless asked for; ``updatedSince`` without ``archived`` gives both kinds, so that
    a client with a copy also gets those that were archived."""

    q = text(SEARCH, required=False)
    updated_since = Instant()
    archived = fields.Boolean(truthy={"true"}, falsy={"false"})

    @post_load
    def leave_archived_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data if "updated_since" in data else {"archived": False} | data


class MessageIn(CamelSchema):
    body = prose(BODY)


class MessageOut(CamelSchema):
    """A message: plain text, exactly as it was written but for white space around it."""

    id = fields.UUID(required=True)
    thread_id = fields.UUID(required=True)
    sender_tenant_id = fields.UUID(required=True)
    sender_name = fields.String(required=True)
    body = fields.String(required=True)
    is_system = fields.Boolean(required=True)
    created_at = Instant(required=True)


class MessagesIn(PageIn):
    order = fields.String(load_default="asc", validate=validate.OneOf(["asc", "desc"]))


class UnreadCountOut(CamelSchema):
    unread_count = fields.Integer(required=True)


class TenantChangedIn(CamelSchema):
    tenant_id = fields.UUID(required=True)
    name = fields.String(required=True, validate=validate.Length(min=1))
