"""The parts we need of consumed events."""

from marshmallow import fields

from chassis.schemas import CamelSchema, Instant


class TenantIn(CamelSchema):
    tenant_id = fields.UUID(required=True)
    time_zone = fields.String(required=True)


class UserAddedIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)


class UserRemovedIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)


class PartnersIn(CamelSchema):
    """Of every event between a supplier and a retailer."""

    supplier_id = fields.UUID(required=True)
    supplier_name = fields.String(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)


class InviteCreatedIn(CamelSchema):
    campaign_name = fields.String(required=True)
    participation_ask = fields.String(required=True)
    start_date = Instant(required=True)
    end_date = Instant(required=True)
    supplier_name = fields.String(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)


class InviteRespondedIn(PartnersIn):
    campaign_id = fields.UUID(required=True)
    campaign_name = fields.String(required=True)
    response = fields.String(required=True)
    note = fields.String(load_default=None, allow_none=True)


class MessagePostedIn(PartnersIn):
    thread_id = fields.UUID(required=True)
    subject = fields.String(required=True)
    sender_name = fields.String(required=True)
    recipient_tenant_id = fields.UUID(required=True)
    preview = fields.String(required=True)


class ThreadReadIn(CamelSchema):
    thread_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)


class TierAssignedIn(PartnersIn):
    tier_name = fields.String(required=True)
    previous_tier_name = fields.String(load_default=None, allow_none=True)


class TierUnassignedIn(PartnersIn):
    tier_name = fields.String(required=True)
