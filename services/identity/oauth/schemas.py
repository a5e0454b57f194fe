"""OAuth forms and answers."""

from marshmallow import EXCLUDE, Schema, fields, validate

from services.identity.common.schemas import EMAIL_MAX, PASSWORD_TYPED


class FormSchema(Schema):
    """An OAuth form: names as in the RFC, unknown parameters ignored, every one optional here because what is missing
    is answered in the RFC's own shape."""

    class Meta:
        unknown = EXCLUDE


def _parameter(longest: int | None = None) -> fields.String:
    no_nul = validate.ContainsNoneOf("\x00", error="must not contain NUL")
    return fields.String(validate=[no_nul, validate.Length(max=longest)] if longest else no_nul)


class TokenIn(FormSchema):
    """RFC 6749: ``password``, ``refresh_token`` or ``client_credentials`` (also with HTTP Basic)."""

    grant_type = _parameter()
    username = _parameter(EMAIL_MAX)
    password = _parameter(PASSWORD_TYPED)
    code = _parameter()
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
