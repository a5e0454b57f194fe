"""The own second factors over HTTP, field by field."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema, Instant, text
from services.identity.common.schemas import NAME_MAX
from services.identity.factors.schemas import NewCredentialIn, ShownCredentialIn


class TotpOut(CamelSchema):
    """``since`` is null without an authenticator; ``required``: one may not be without any second factor."""

    since = Instant(required=True, allow_none=True, attribute="totp_since")
    passkeys = fields.Integer(required=True)
    recovery_codes_left = fields.Integer(required=True)
    required = fields.Boolean(required=True)


class StartedTotpOut(CamelSchema):
    """Shown once: the secret in Base32, and the same as the address that a QR code shows."""

    secret = fields.String(required=True)
    otpauth = fields.String(required=True)


class CodeIn(CamelSchema):
    code = fields.String(required=True, load_only=True, validate=validate.Length(1, 64))


class RecoveryCodesOut(CamelSchema):
    """Shown once. Each stands in for a lost authenticator or passkey once."""

    recovery_codes = fields.List(fields.String(), required=True)


class PasskeyIn(CamelSchema):
    name = text(NAME_MAX)
    credential = fields.Nested(NewCredentialIn, required=True)


class PasskeyOut(CamelSchema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    created_at = Instant(required=True)
    last_used_at = Instant(required=True, allow_none=True)


class ShownPasskeyIn(CamelSchema):
    credential = fields.Nested(ShownCredentialIn, required=True)
