"""What goes in and out over HTTP, field by field."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from chassis.http.audit_trail import AuditOut
from chassis.http.pages import PageIn
from chassis.http.schemas import Address, CamelSchema, Instant, StrictBoolean, UpdateSchema, text
from contracts.features import FEATURES
from services.identity import rules

NAME_MAX = 200


def _time_zone(name: str) -> None:
    if not rules.is_time_zone(name):
        raise ValidationError("Not a time zone of the IANA database, such as Europe/Stockholm.")


def _slug(text: str) -> None:
    if not rules.is_slug(text):
        raise ValidationError(
            "Must be lowercase letters, digits and single hyphens, at most 63 characters, and not an id."
        )


class Slug(fields.String):
    """A tenant's slug; its id stands for it as long as it has none."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return super()._serialize(value or obj.id, attr, obj, **kwargs)


class TenantIn(CamelSchema):
    """``slug`` is made from the name where it is left out."""

    name = text(NAME_MAX)
    slug = fields.String(validate=_slug)
    kind = fields.String(required=True, validate=validate.OneOf([str(kind) for kind in rules.TENANT_KINDS]))
    time_zone = fields.String(validate=_time_zone)
    features = fields.List(
        fields.String(validate=validate.OneOf(FEATURES)), validate=validate.Length(max=len(FEATURES))
    )


class TenantOut(CamelSchema):
    id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    time_zone = fields.String(required=True)
    features = fields.List(fields.String(), required=True)


class TenantChangeIn(UpdateSchema):
    """What is left out stays as it is; what cannot be changed here is ignored (D65)."""

    answer = TenantOut

    name = text(NAME_MAX, required=False)
    time_zone = fields.String(validate=_time_zone)


class TenantsIn(PageIn):
    """``q`` finds a part of the name."""

    kind = fields.String(validate=validate.OneOf([str(kind) for kind in rules.Kind]))
    q = text(NAME_MAX, required=False)


class FeaturesIn(CamelSchema):
    """``{"campaigns": true, "prm": false}``; a name left out keeps its value (S0-1)."""

    campaigns = StrictBoolean()
    prm = StrictBoolean()
    messaging = StrictBoolean()
    promotions = StrictBoolean()
    affiliates = StrictBoolean()


class UserIn(CamelSchema):
    email = Address(required=True)
    name = text(NAME_MAX)
    role = fields.String(required=True, validate=validate.OneOf([str(role) for role in rules.PERSONS]))
    password = fields.String(
        required=True, load_only=True, validate=validate.Length(rules.PASSWORD_MIN, rules.PASSWORD_MAX)
    )


class UserOut(CamelSchema):
    id = fields.UUID(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    created_at = Instant(required=True)


class ApiKeyIn(CamelSchema):
    name = text(NAME_MAX)


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
    last_used_at = Instant(required=True, allow_none=True)


class ApiKeySecretOut(CamelSchema):
    """For the gateway only."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    secret = fields.String(required=True)
    tenant = fields.Nested(lambda: FeedTenantOut(), required=True)


class UsedKeysIn(CamelSchema):
    ids = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=1000))


class UsedKeysOut(CamelSchema):
    noted = fields.Integer(required=True)


class TrailOut(AuditOut):
    """A change in identity's trail. The operator reads those of all tenants."""

    tenant_id = fields.UUID(required=True)


class MyTenantOut(CamelSchema):
    id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)


class MeOut(CamelSchema):
    """``email`` is null for machines; ``features`` names every feature there is (S0-3)."""

    user_id = fields.UUID(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    role = fields.String(required=True)
    tenant = fields.Nested(MyTenantOut, required=True)
    features = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)


class FeedIn(CamelSchema):
    since = Instant()


class FeedTenantOut(CamelSchema):
    id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    features = fields.List(fields.String(), required=True)


class RevokedOut(CamelSchema):
    id = fields.UUID(required=True)


class FeedOut(CamelSchema):
    at = Instant(required=True)
    tenants = fields.List(fields.Nested(FeedTenantOut), required=True)
    revoked = fields.List(fields.Nested(RevokedOut), required=True)


class FormSchema(Schema):
    """An OAuth form: names as in the RFC, unknown parameters ignored, every one optional here because what is missing
    is answered in the RFC's own shape."""

    class Meta:
        unknown = EXCLUDE


def _parameter() -> fields.String:
    return fields.String(validate=validate.ContainsNoneOf("\x00", error="must not contain NUL"))


class TokenIn(FormSchema):
    """RFC 6749: ``password``, ``refresh_token`` or ``client_credentials`` (also with HTTP Basic)."""

    grant_type = _parameter()
    username = _parameter()
    password = _parameter()
    refresh_token = _parameter()
    client_id = _parameter()
    client_secret = _parameter()


class TokenOut(Schema):
    access_token = fields.String(required=True)
    token_type = fields.Constant("Bearer", required=True)
    expires_in = fields.Integer(required=True)
    refresh_token = fields.String()


class OAuthErrorOut(Schema):
    """RFC 6749, 5.2."""

    error = fields.String(required=True)
    error_description = fields.String(required=True)


class RevokeIn(FormSchema):
    """RFC 7009. ``token_type_hint`` is not needed and ignored like everything unknown."""

    token = _parameter()


class RevokedTokenOut(Schema):
    """Empty, so that the response does not show whether there was such a token."""


class JwkOut(Schema):
    kty = fields.String(required=True)
    crv = fields.String(required=True)
    x = fields.String(required=True)
    kid = fields.String(required=True)
    use = fields.String(required=True)
    alg = fields.String(required=True)


class JwksOut(Schema):
    keys = fields.List(fields.Nested(JwkOut), required=True)
