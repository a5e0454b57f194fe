"""What an affiliate sees of itself on the wire. Nothing here names another affiliate or sums up the merchant."""

from marshmallow import fields, validate

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant
from services.affiliates.affiliates.rules import Enrolment
from services.affiliates.campaigns.rules import Status
from services.affiliates.campaigns.schemas import CampaignsIn, VisibleCampaignOut
from services.affiliates.commissions.ledger_rules import OrderStatus
from services.affiliates.common.schemas import Money
from services.affiliates.payouts.schemas import OwnBalanceOut
from services.affiliates.reports.schemas import DaysIn


class MerchantOut(CamelSchema):
    """``timeZone`` is that in which its days begin (D61)."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    time_zone = fields.String(required=True)


class EnrolmentOut(CamelSchema):
    """The caller as an affiliate of its merchant."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Enrolment)))
    merchant = fields.Nested(MerchantOut, required=True)
    created_at = Instant(required=True)


class OwnCampaignsIn(CampaignsIn):
    """Drafts are for the merchant alone, but for those in which the caller has links."""


class OwnCampaignOut(VisibleCampaignOut):
    """A campaign as an affiliate sees it; ``links`` are the caller's own."""

    status = fields.String(required=True, attribute="shown_status", validate=validate.OneOf(list(Status)))
    links = fields.Integer(required=True)


class OwnLinksIn(PageIn):
    campaign_id = fields.UUID()


class OwnLinkOut(CamelSchema):
    """``url`` is the address to spread."""

    code = fields.String(required=True)
    url = fields.String(required=True)
    campaign_id = fields.UUID(required=True)
    campaign_title = fields.String(required=True)
    destination = fields.String(required=True)
    created_at = Instant(required=True)


class ClicksIn(DaysIn):
    campaign_id = fields.UUID()


class ClicksOut(CamelSchema):
    """Clicks of a day in the merchant's time zone. ``deadClicks`` earn nothing: the link rested, or no person followed
    it (D66)."""

    day = fields.Date(required=True)
    clicks = fields.Integer(required=True)
    dead_clicks = fields.Integer(required=True)


class OwnConversionsIn(PageIn):
    campaign_id = fields.UUID()
    order_status = fields.String(validate=validate.OneOf(list(OrderStatus)))


class OwnConversionOut(CamelSchema):
    """An order that was credited to the caller. ``commission`` is what is left of ``commissionCredited`` after refunds;
    what the order was worth is the merchant's own."""

    external_order_id = fields.String(required=True)
    order_status = fields.String(required=True, validate=validate.OneOf(list(OrderStatus)))
    occurred_at = Instant(required=True)
    campaign_id = fields.UUID(required=True)
    campaign_title = fields.String(required=True)
    click_id = fields.UUID(required=True, allow_none=True)
    clicked_at = Instant(required=True, allow_none=True)
    currency = fields.String(required=True)
    commission = Money(required=True)
    commission_credited = Money(required=True)
    commission_state = fields.String(required=True, validate=validate.OneOf(["HELD", "APPROVED", "REVERSED"]))


class OwnBalancesOut(CamelSchema):
    items = fields.List(fields.Nested(OwnBalanceOut), required=True)
