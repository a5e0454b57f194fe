"""The field that we need of identity's events about the standing of tenants."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema


class StandingIn(CamelSchema):
    tenant_id = fields.UUID(required=True)
