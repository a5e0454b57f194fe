"""Sessions over HTTP, field by field."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from chassis.http.schemas import CamelSchema, Instant, StrictBoolean
from services.identity.common.schemas import EMAIL_MAX, PASSWORD_TYPED

NOT_EMPTY = validate.Length(min=1)
PASSWORD = validate.Length(1, PASSWORD_TYPED)


class SessionIn(CamelSchema):
    """``code`` is one of the authenticator, or a recovery code."""

    username = fields.String(required=True, validate=validate.Length(1, EMAIL_MAX))
    password = fields.String(required=True, load_only=True, validate=PASSWORD)
    keep = StrictBoolean(load_default=False)
    code = fields.String(load_only=True, validate=NOT_EMPTY)


class AccessOut(Schema):
    """The refresh token is in the cookie alone, where no script reads it."""

    access_token = fields.String(required=True)
    expires_in = fields.Integer(required=True)


class MySessionOut(CamelSchema):
    """``current`` is the one whose access token asks."""

    id = fields.UUID(required=True)
    device = fields.String(required=True)
    address = fields.String(required=True)
    how = fields.String(required=True)
    since = Instant(required=True)
    last_seen = Instant(required=True)
    current = fields.Boolean(required=True)


class StepUpIn(CamelSchema):
    password = fields.String(load_only=True, validate=PASSWORD)
    code = fields.String(load_only=True, validate=NOT_EMPTY)

    @validates_schema
    def is_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Send either password or code.")
