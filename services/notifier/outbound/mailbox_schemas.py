"""The development mailbox."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema, Instant


class MailboxIn(CamelSchema):
    to = fields.String(load_default=None, validate=validate.Length(max=320))


class MailOut(CamelSchema):
    """A mail in the development mailbox."""

    to = fields.String(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True)
    at = Instant(required=True)
