"""Deliveries as their tenant's admins see them, and the development mailbox."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant
from services.notifier.deliveries.rules import State
from services.notifier.topics import BY_NAME


class DeliveriesIn(PageIn):
    state = fields.String(load_default=None, validate=validate.OneOf([str(state) for state in State]))
    topic = fields.String(load_default=None, validate=validate.OneOf(sorted(BY_NAME)))


class DeliveryOut(CamelSchema):
    """A mail as the admins of its recipient's tenant see it; ``to`` is null while it has no recipient."""

    id = fields.UUID(required=True)
    topic = fields.String(required=True)
    to = fields.String(attribute="address", required=True, allow_none=True)
    subject = fields.String(required=True)
    state = fields.String(required=True)
    attempts = fields.Integer(required=True)
    created_at = Instant(required=True)
    sent_at = Instant(required=True, allow_none=True)
    next_attempt_at = Instant(attribute="next_at", required=True, allow_none=True)
    last_error = fields.String(required=True, allow_none=True)


class LinkIn(CamelSchema):
    """A secret link as identity gives it out; what we need of it."""

    token = fields.String(required=True)
    purpose = fields.String(required=True)
    email = fields.String(required=True)


class MailboxIn(CamelSchema):
    to = fields.String(load_default=None, validate=validate.Length(max=320))


class MailOut(CamelSchema):
    """A mail in the development mailbox."""

    to = fields.String(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True)
    at = Instant(required=True)
