"""Links as the notifier reads them, field by field."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema, Instant


class LinkOut(CamelSchema):
    """For the notifier only, which puts ``token`` into a mail."""

    token = fields.String(required=True)
    purpose = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    expires_at = Instant(required=True)
