"""The shapes of partner management on the wire, in and out."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant, Stripped, UpdateSchema, several_lines, text
from services.prm.rules import MAX_GROUP, Status

INT32 = validate.Range(-(2**31), 2**31 - 1)


class RelationshipIn(CamelSchema):
    """A supplier names the retailer, a retailer the supplier."""

    retailer_id = fields.UUID(load_default=None)
    supplier_id = fields.UUID(load_default=None)


class RelationshipsIn(PageIn):
    status = fields.String(validate=validate.OneOf([str(status) for status in Status]))


class RelationshipOut(CamelSchema):
    id = fields.UUID(required=True)
    supplier_id = fields.UUID(required=True)
    supplier_name = fields.String(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)
    status = fields.String(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class GroupIn(CamelSchema):
    name = text(200)
    retailer_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(max=MAX_GROUP))


class GroupOut(CamelSchema):
    """``retailerIds`` in the order they were sent, in a list at most the first 200 of each group."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    retailer_ids = fields.List(fields.UUID(), required=True)
    retailer_count = fields.Integer(required=True)


class GroupChangeIn(UpdateSchema, GroupIn):
    """A whole group; read-only fields are ignored (D65)."""

    answer = GroupOut


class TierIn(CamelSchema):
    """Creating and replacing take the same, whole (S0-42, S0-45)."""

    name = text(200)
    description = Stripped(load_default=None, allow_none=True, validate=[validate.Length(max=5000), several_lines])
    sort_order = fields.Integer(strict=True, load_default=0, validate=INT32)
    benefits = fields.List(text(300), load_default=list, validate=validate.Length(max=100))


class TierOut(CamelSchema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    sort_order = fields.Integer(required=True)
    benefits = fields.List(fields.String(), required=True)
    assignment_count = fields.Integer(required=True)


class TierChangeIn(UpdateSchema, TierIn):
    """A whole tier; read-only fields are ignored (D65)."""

    answer = TierOut


class AssignIn(CamelSchema):
    retailer_id = fields.UUID(required=True)


class AssignmentOut(CamelSchema):
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)
    assigned_at = Instant(required=True)


class AssignedOut(AssignmentOut):
    tier_id = fields.UUID(required=True)


class MyTierOut(CamelSchema):
    """A tier as the retailer that holds it sees it (S0-54)."""

    tier_id = fields.UUID(required=True)
    tier_name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    supplier_id = fields.UUID(required=True)
    supplier_name = fields.String(required=True)
    benefits = fields.List(fields.String(), required=True)


class ExpandIn(CamelSchema):
    retailer_ids = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=MAX_GROUP))
    group_ids = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=1000))


class RelatedOut(CamelSchema):
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)


class SkippedOut(CamelSchema):
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)


class ExpandOut(CamelSchema):
    supplier_name = fields.String(required=True)
    related = fields.List(fields.Nested(RelatedOut), required=True)
    skipped = fields.List(fields.Nested(SkippedOut), required=True)
    unknown_group_ids = fields.List(fields.UUID(), required=True)


class TenantIn(CamelSchema):
    """What we need of a tenant from identity's events and answers."""

    name = fields.String(required=True)
    kind = fields.String(required=True)


class TenantEventIn(TenantIn):
    tenant_id = fields.UUID(required=True)
