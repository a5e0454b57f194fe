"""Users over HTTP, field by field."""

from marshmallow import fields, validate

from chassis.http.schemas import Address, CamelSchema, Instant, text
from services.identity.common.schemas import NAME_MAX
from services.identity.passwords.schemas import new_password
from services.identity.users import rules


class UserIn(CamelSchema):
    email = Address(required=True)
    name = text(NAME_MAX)
    role = fields.String(required=True, validate=validate.OneOf([str(role) for role in rules.PERSONS]))
    password = new_password()


class UserOut(CamelSchema):
    id = fields.UUID(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    created_at = Instant(required=True)
