"""The shapes of what goes in and out over HTTP, and the parts we need of consumed events."""

from marshmallow import fields, validate

from chassis.pages import PageIn
from chassis.schemas import CamelSchema, Instant
from services.notifier.rules import TOPICS, State


class DeliveriesIn(PageIn):
    state = fields.String(load_default=None, validate=validate.OneOf([str(state) for state in State]))
    topic = fields.String(load_default=None, validate=validate.OneOf(TOPICS))


class DeliveryOut(CamelSchema):
    """A mail as the admins of its recipient's tenant see it; ``to`` is null while there is nobody to get it."""

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


class MailboxIn(CamelSchema):
    to = fields.String(load_default=None, validate=validate.Length(max=320))


class MailOut(CamelSchema):
    """A mail in the development mailbox."""

    to = fields.String(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True)
    at = Instant(required=True)


class UserAddedIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)


class UserRemovedIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)


class InviteCreatedIn(CamelSchema):
    campaign_name = fields.String(required=True)
    participation_ask = fields.String(required=True)
    start_date = Instant(required=True)
    end_date = Instant(required=True)
    supplier_name = fields.String(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)
