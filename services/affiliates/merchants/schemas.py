"""Identity's tenant events, as far as merchants need them."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema


class TenantEventIn(CamelSchema):
    """A tenant as identity publishes it. Version 1 has neither slug nor time zone."""

    tenant_id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(load_default=None)
    time_zone = fields.String(load_default=None)
    features = fields.List(fields.String(), required=True)


class SuspensionIn(CamelSchema):
    """A tenant that identity has suspended, resumed or ended."""

    tenant_id = fields.UUID(required=True)
