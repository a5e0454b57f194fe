"""What we need of identity's events."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema


class TenantEventIn(CamelSchema):
    tenant_id = fields.UUID(required=True)
    slug = fields.String(load_default=None)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    time_zone = fields.String(required=True)
    features = fields.List(fields.String(), required=True)
