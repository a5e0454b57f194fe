"""Signing in with a passkey over HTTP, field by field."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema, StrictBoolean
from services.identity.common.schemas import EMAIL_MAX, PASSWORD_TYPED
from services.identity.factors.schemas import ShownCredentialIn


class PasskeyOptionsIn(CamelSchema):
    username = fields.String(validate=validate.Length(1, EMAIL_MAX))


class PasskeySignInIn(CamelSchema):
    """``password`` only where the device has not checked who holds it: then the passkey is the second factor."""

    credential = fields.Nested(ShownCredentialIn, required=True)
    password = fields.String(load_only=True, validate=validate.Length(1, PASSWORD_TYPED))
    keep = StrictBoolean(load_default=False)
