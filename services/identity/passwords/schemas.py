"""Passwords over HTTP."""

from marshmallow import fields, validate

from services.identity.common.schemas import PASSWORD_TYPED
from services.identity.passwords import rules


def new_password() -> fields.String:
    """A password that somebody chooses; ``rules.check`` decides, which knows whose it is."""
    length = {"minLength": rules.LENGTH_MIN, "maxLength": rules.LENGTH_MAX}
    return fields.String(required=True, load_only=True, metadata={"format": "password", **length})


def shown_password() -> fields.String:
    """A password that somebody has; an old one may be shorter or longer than those of today."""
    length = validate.Length(1, PASSWORD_TYPED)
    return fields.String(required=True, load_only=True, validate=length, metadata={"format": "password"})
