"""The parts we need of consumed events."""

from marshmallow import fields

from chassis.http.schemas import CamelSchema, Instant


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


class AffiliateIn(CamelSchema):
    """Of every event about an affiliate."""

    affiliate_id = fields.UUID(required=True)
    affiliate_name = fields.String(required=True)
    affiliate_email = fields.String(required=True)
    merchant_id = fields.UUID(required=True)
    merchant_name = fields.String(required=True)


class _CommissionIn(AffiliateIn):
    external_order_id = fields.String(required=True)
    campaign_title = fields.String(required=True)
    currency = fields.String(required=True)
    order_status = fields.String(required=True)


class ConversionCreditedIn(_CommissionIn):
    commission = fields.String(required=True)


class CommissionReversedIn(_CommissionIn):
    reversed = fields.String(required=True)
    remaining = fields.String(required=True)
