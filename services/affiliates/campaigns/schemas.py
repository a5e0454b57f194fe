"""Campaigns on the wire, as S2's document writes them."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from chassis.http.pages import PageIn
from chassis.http.schemas import CamelSchema, Instant, StrictBoolean, UpdateSchema, currency, text
from services.affiliates.campaigns import rules
from services.affiliates.campaigns.rules import Status, Visibility
from services.affiliates.common.schemas import (
    COMMISSION_FIELDS,
    DecimalString,
    IsoDateTime,
    TermsFields,
    Whole,
    WithTerms,
    free_text,
)

EMPTY: dict[str, Any] = {
    "description": None,
    "start_date": None,
    "end_date": None,
    "cookie_days": rules.COOKIE_DAYS,
    "traffic_sources": [],
    "terms_and_conditions": None,
    "approval_required": False,
    "affiliate_approval_required": None,
    "commission_currency": None,
    "visibility": Visibility.PRIVATE,
}
"""Values of fields that a new campaign leaves out."""


class CampaignFields(TermsFields):
    """Fields that may be written; only the title is required (S2-7, S2-8). ``null`` means left out.

    ``defaultCommissionCurrency`` is that of a FIXED commission; without one it is the merchant's. Whether new
    affiliates need approval is ``affiliateApprovalRequired``; null leaves it to the merchant's settings.
    """

    description = free_text(10_000)
    commission_currency = currency(data_key="default_commission_currency", allow_none=True)
    start_date = IsoDateTime(allow_none=True)
    end_date = IsoDateTime(allow_none=True)
    cookie_days = Whole(
        data_key="cookie_duration_days", allow_none=True, validate=validate.Range(0, rules.MAX_COOKIE_DAYS)
    )
    traffic_sources = fields.List(
        text(100), data_key="allowed_traffic_sources", allow_none=True, validate=validate.Length(max=100)
    )
    terms_and_conditions = free_text(50_000)
    approval_required = StrictBoolean(allow_none=True)
    affiliate_approval_required = StrictBoolean(allow_none=True)
    visibility = fields.String(allow_none=True, validate=validate.OneOf(list(Visibility)))

    @validates_schema
    def end_follows_start(self, data: dict[str, Any], **_: Any) -> None:
        """D3."""
        if not rules.in_order(data.get("start_date"), data.get("end_date")):
            raise ValidationError(rules.END_FIRST, "endDate")

    @post_load
    def fill_empty(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: EMPTY.get(name) if value is None else value for name, value in data.items()}


class CampaignIn(CampaignFields, WithTerms):
    """A new campaign."""

    title = text(rules.TITLE)

    @post_load
    def fill_left_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return EMPTY | dict.fromkeys(COMMISSION_FIELDS) | data


class CampaignsIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(Status)))


class CampaignCreatedOut(CamelSchema):
    """Response to creating a campaign (S2-9)."""

    id = fields.UUID(required=True)
    campaign_code = fields.String(required=True, attribute="code")
    title = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Status)))


class VisibleCampaignOut(CamelSchema):
    """What everybody sees of a campaign that they may see."""

    id = fields.UUID(required=True)
    campaign_code = fields.String(required=True, attribute="code")
    title = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    start_date = Instant(required=True, allow_none=True)
    end_date = Instant(required=True, allow_none=True)
    default_commission_type = fields.String(required=True, allow_none=True, attribute="commission_type")
    default_commission_value = DecimalString(required=True, allow_none=True, attribute="commission_value")
    default_commission_currency = fields.String(required=True, allow_none=True, attribute="commission_currency")
    cookie_duration_days = fields.Integer(required=True, attribute="cookie_days")
    allowed_traffic_sources = fields.List(fields.String(), required=True, attribute="traffic_sources")
    terms_and_conditions = fields.String(required=True, allow_none=True)


class CampaignOut(VisibleCampaignOut):
    """A campaign as its merchant sees it."""

    status = fields.String(required=True, attribute="shown_status", validate=validate.OneOf(list(Status)))
    approval_required = fields.Boolean(required=True)
    affiliate_approval_required = fields.Boolean(required=True, allow_none=True)
    approved = fields.Boolean(required=True)
    visibility = fields.String(required=True, validate=validate.OneOf(list(Visibility)))
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class CampaignChangeIn(UpdateSchema, CampaignFields):
    """Fields that PATCH changes. A field that is left out stays (S2-4), a read-only field is ignored (D65). The action
    checks whether the changed campaign fits together."""

    answer = CampaignOut

    title = text(rules.TITLE, required=False)
    status = fields.String(validate=validate.OneOf(list(Status)))


class PublicCampaignOut(VisibleCampaignOut):
    """A campaign in the public listing (S2-24)."""

    merchant_name = fields.String(required=True)


class VisibilityIn(CamelSchema):
    visibility = fields.String(required=True, validate=validate.OneOf(list(Visibility)))
