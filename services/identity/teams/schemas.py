"""Invitations and ends over HTTP, field by field."""

from marshmallow import fields, validate

from chassis.http.schemas import CamelSchema, text
from services.identity.common.schemas import NAME_MAX, PASSWORD_TYPED


class AcceptIn(CamelSchema):
    token = fields.String(required=True, load_only=True, validate=validate.Length(1, 200))
    name = text(NAME_MAX)
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, PASSWORD_TYPED))


class EndIn(CamelSchema):
    """``exported``: the tenant has got its data otherwise than by an export that was fetched."""

    exported = fields.Boolean(load_default=False)
