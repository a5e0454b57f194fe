"""What goes to our own processes, field by field."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema, Instant
from services.identity.tenants.schemas import Slug


class ApiKeySecretOut(CamelSchema):
    """For the gateway only."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    secret = fields.String(required=True)
    expires_at = Instant(required=True, allow_none=True)
    tenant = fields.Nested(lambda: FeedTenantOut(), required=True)


class UsedKeysIn(CamelSchema):
    ids = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=1000))


class UsedKeysOut(CamelSchema):
    noted = fields.Integer(required=True)


class FeedIn(CamelSchema):
    since = Instant()


class FeedTenantOut(CamelSchema):
    id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    features = fields.List(fields.String(), required=True)
    suspended = fields.Function(lambda tenant: tenant.suspended_at is not None, required=True)


class RevokedOut(CamelSchema):
    """Tokens of this user, API key or sign-in that were issued until ``at`` no longer count."""

    id = fields.UUID(required=True)
    at = Instant(required=True)


class FeedOut(CamelSchema):
    at = Instant(required=True)
    tenants = fields.List(fields.Nested(FeedTenantOut), required=True)
    revoked = fields.List(fields.Nested(RevokedOut), required=True)
