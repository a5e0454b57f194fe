"""What browsers and devices exchange about passkeys (WebAuthn), field by field, in WebAuthn's own words."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate


def _binary(maximum: int = 65_536, **kwargs: Any) -> fields.String:
    """Bytes as browsers write them in JSON."""
    base64url = validate.Regexp(r"[A-Za-z0-9_-]+={0,2}\Z", error="Must be base64url.")
    return fields.String(validate=validate.And(validate.Length(max=maximum), base64url), **kwargs)


class BrowserSchema(Schema):
    """What a browser has written by ``PublicKeyCredential.toJSON()``. Newer ones add to it, so what is not needed is
    ignored."""

    class Meta:
        unknown = EXCLUDE


class AttestationIn(BrowserSchema):
    clientDataJSON = _binary(required=True)
    attestationObject = _binary(required=True)


class AssertionIn(BrowserSchema):
    clientDataJSON = _binary(required=True)
    authenticatorData = _binary(required=True)
    signature = _binary(required=True)
    userHandle = _binary(100, allow_none=True)


class CredentialIn(BrowserSchema):
    id = _binary(required=True)
    rawId = _binary(required=True)
    type = fields.String(required=True, validate=validate.Equal("public-key"))


class NewCredentialIn(CredentialIn):
    """A passkey that a device has just made."""

    response = fields.Nested(AttestationIn, required=True)


class ShownCredentialIn(CredentialIn):
    """A passkey that a device has just signed with."""

    response = fields.Nested(AssertionIn, required=True)


class DescriptorOut(Schema):
    type = fields.String(required=True)
    id = fields.String(required=True)


class RequestOptionsOut(Schema):
    """For ``PublicKeyCredential.parseRequestOptionsFromJSON``. The challenge is good once, for five minutes."""

    challenge = fields.String(required=True)
    timeout = fields.Integer(required=True)
    rpId = fields.String(required=True)
    allowCredentials = fields.List(fields.Nested(DescriptorOut), required=True)
    userVerification = fields.String(required=True)


class RelyingPartyOut(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)


class PasskeyOwnerOut(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    displayName = fields.String(required=True)


class KeyParametersOut(Schema):
    type = fields.String(required=True)
    alg = fields.Integer(required=True)


class AuthenticatorSelectionOut(Schema):
    residentKey = fields.String(required=True)
    requireResidentKey = fields.Boolean(required=True)
    userVerification = fields.String(required=True)


class CreationOptionsOut(Schema):
    """For ``PublicKeyCredential.parseCreationOptionsFromJSON``. The challenge is good once, for five minutes."""

    rp = fields.Nested(RelyingPartyOut, required=True)
    user = fields.Nested(PasskeyOwnerOut, required=True)
    challenge = fields.String(required=True)
    pubKeyCredParams = fields.List(fields.Nested(KeyParametersOut), required=True)
    timeout = fields.Integer(required=True)
    excludeCredentials = fields.List(fields.Nested(DescriptorOut), required=True)
    authenticatorSelection = fields.Nested(AuthenticatorSelectionOut, required=True)
    attestation = fields.String(required=True)
