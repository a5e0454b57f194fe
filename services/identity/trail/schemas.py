"""The trail over HTTP."""

from marshmallow import fields

from chassis.http.audit_trail import AuditOut


class TrailOut(AuditOut):
    """A change in identity's trail. The operator reads those of all tenants."""

    tenant_id = fields.UUID(required=True)
