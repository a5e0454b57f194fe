"""Webhooks on the wire, with their messages and attempts."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates, validates_schema

from chassis.core.text import is_line
from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant, Stripped, UpdateSchema
from chassis.http.ssrf_guard import MAX_URL
from services.notifier.event_log.schemas import TypePatterns
from services.notifier.webhooks.rules import MessageState

DESCRIPTION = 200


def _one_line(description: str) -> None:
    if not is_line(description):
        raise ValidationError("Must be one line without control characters or direction overrides.")


class WebhookIn(CamelSchema):
    """Where events go. Without ``types`` all events that the tenant may see; each pattern must fit a published type.

    ``description`` is one line, or empty.
    """

    url = fields.String(required=True, validate=validate.Length(1, MAX_URL))
    types = TypePatterns(load_default=lambda: ["*"])
    description = Stripped(load_default="", validate=validate.And(validate.Length(max=DESCRIPTION), _one_line))

    @validates("types")
    def once_each(self, types: list[str], data_key: str) -> None:
        if len(set(types)) < len(types):
            raise ValidationError("Name each type once.")


class WebhookOut(CamelSchema):
    """A webhook; ``reason`` says why we have disabled it, ``previousSecretUntil`` until when two secrets sign."""

    id = fields.UUID(required=True)
    url = fields.String(required=True)
    types = fields.List(fields.String(), required=True)
    description = fields.String(required=True)
    status = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    disabled_at = Instant(required=True, allow_none=True)
    previous_secret_until = Instant(attribute="previous_until", required=True, allow_none=True)


class WebhookWithSecretOut(WebhookOut):
    """The only time the secret is shown."""

    secret = fields.String(attribute="new_secret", required=True)


class WebhookUpdateIn(WebhookIn, UpdateSchema):
    """A webhook's URL, types and description. Other fields of a webhook are read-only, and ignored (D65).

    Types that the webhook had before are accepted even if no published type fits them.
    """

    answer = WebhookWithSecretOut
    types = TypePatterns(published=False, load_default=lambda: ["*"])


class MessagesIn(PageIn):
    state = fields.String(load_default=None, validate=validate.OneOf([str(state) for state in MessageState]))


class WebhookMessageOut(CamelSchema):
    """An event that is to be sent to a webhook, was delivered or has failed."""

    event_id = fields.UUID(required=True)
    type = fields.String(required=True)
    subject = fields.UUID(required=True)
    state = fields.String(required=True)
    attempts = fields.Integer(required=True)
    queued_at = Instant(required=True)
    next_attempt_at = Instant(attribute="next_at", required=True, allow_none=True)
    finished_at = Instant(required=True, allow_none=True)
    last_status = fields.Integer(required=True, allow_none=True)
    last_error = fields.String(required=True, allow_none=True)


class AttemptsIn(PageIn):
    event_id = fields.UUID(load_default=None)


class WebhookAttemptOut(CamelSchema):
    """One request; ``status`` is the receiver's answer, ``error`` why there was none."""

    id = fields.UUID(required=True)
    event_id = fields.UUID(required=True)
    type = fields.String(required=True)
    number = fields.Integer(required=True)
    at = Instant(required=True)
    milliseconds = fields.Integer(required=True)
    status = fields.Integer(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)


class RedeliverIn(CamelSchema):
    """One event, or what was logged from ``since`` on and before ``until``."""

    event_id = fields.UUID()
    since = Instant()
    until = Instant()

    @validates_schema
    def one_or_a_range(self, data: dict[str, Any], **_: Any) -> None:
        if ("event_id" in data) == ("since" in data) or ("until" in data and "since" not in data):
            raise ValidationError("Name either one eventId, or a period with since and optionally until.")


class RedeliverOut(CamelSchema):
    queued = fields.Integer(required=True)
