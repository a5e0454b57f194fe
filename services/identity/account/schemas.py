"""The own account over HTTP, field by field."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema
from services.identity.tenants.schemas import Slug


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
