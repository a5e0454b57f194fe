"""Exports of tenants over HTTP, field by field."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema, Instant


class ServiceProgressOut(CamelSchema):
    """``state`` is ``waiting`` or ``done``."""

    state = fields.String(required=True)
    rows = fields.Integer(required=True)


class TenantExportOut(CamelSchema):
    """``state`` is ``gathering``, ``ready`` or ``failed``; ``archive`` the path of the zip file once it is ready,
    ``fetchedAt`` when it was last fetched to its end."""

    id = fields.UUID(required=True)
    state = fields.String(required=True)
    progress = fields.Dict(keys=fields.String(), values=fields.Nested(ServiceProgressOut), required=True)
    created_at = Instant(required=True)
    finished_at = Instant(required=True, allow_none=True)
    fetched_at = Instant(required=True, allow_none=True)
    expires_at = Instant(required=True)
    archive = fields.String(required=True, allow_none=True)
