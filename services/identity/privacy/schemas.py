"""Exports over HTTP, field by field."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema, Instant


class ExportOut(CamelSchema):
    """An export; ``progress`` is ``waiting`` or ``done`` by service, ``archive`` the path of the zip file once
    ``state`` is ``ready``."""

    id = fields.UUID(required=True)
    state = fields.String(required=True)
    progress = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    created_at = Instant(required=True)
    finished_at = Instant(required=True, allow_none=True)
    expires_at = Instant(required=True)
    archive = fields.String(required=True, allow_none=True)


class MyExportOut(ExportOut):
    """``everything`` is what the archive has, by service and table; null until it is ready, and where it is large."""

    everything = fields.Dict(required=True, allow_none=True)
