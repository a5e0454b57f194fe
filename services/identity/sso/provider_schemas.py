"""A tenant's identity provider over HTTP, field by field; its secret only ever comes in."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema, Instant, StrictBoolean, UpdateSchema, text
from chassis.http.ssrf_guard import MAX_URL
from services.identity.common.schemas import NAME_MAX
from services.identity.users import rules as user_rules

SECRET_MAX = 1000
MAPPED_MAX = 100
DEFAULT_CLAIM = "roles"


class ProviderOut(CamelSchema):
    """``redirectUri`` is what the provider must allow, ``signInUrl`` where people begin; ``tried`` once somebody has
    signed in this way."""

    issuer = fields.String(required=True)
    client_id = fields.String(required=True)
    role_claim = fields.String(required=True)
    role_mapping = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    enforced = fields.Boolean(required=True)
    tried = fields.Boolean(required=True)
    redirect_uri = fields.String(required=True)
    sign_in_url = fields.String(required=True)
    updated_at = Instant(required=True)


class ProviderIn(UpdateSchema):
    """``clientSecret`` left out keeps the one that is stored. ``roleMapping`` gives a role to values of the claim
    ``roleClaim``: ``{"marketing-admins": "SupplierAdmin"}``."""

    answer = ProviderOut

    issuer = text(MAX_URL)
    client_id = text(NAME_MAX)
    client_secret = text(SECRET_MAX, required=False, load_only=True)
    role_claim = text(NAME_MAX, required=False, load_default=DEFAULT_CLAIM)
    role_mapping = fields.Dict(
        keys=text(NAME_MAX, required=False),
        values=fields.String(validate=validate.OneOf([str(role) for role in user_rules.PERSONS])),
        load_default=dict,
        validate=validate.Length(max=MAPPED_MAX),
    )
    enforced = StrictBoolean(load_default=False)
