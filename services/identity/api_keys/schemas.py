"""API keys over HTTP, field by field."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema, Instant, text
from services.identity.common.schemas import NAME_MAX


class ApiKeyIn(CamelSchema):
    """``expiresAt``: a key without it never ends."""

    name = text(NAME_MAX)
    expires_at = Instant()


class IssuedKeyOut(CamelSchema):
    """The only response with the secret."""

    id = fields.UUID(required=True)
    api_key = fields.String(required=True)
    secret = fields.String(required=True)


class ApiKeyOut(CamelSchema):
    id = fields.UUID(required=True)
    api_key = fields.String(required=True)
    name = fields.String(required=True)
    created_at = Instant(required=True)
    expires_at = Instant(required=True, allow_none=True)
    last_used_at = Instant(required=True, allow_none=True)
