"""Campaigns and invites on the wire, and the events of others as far as they matter here."""

import json
from datetime import datetime
from typing import Any, NoReturn

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from chassis.core.addresses import encoded
from chassis.http.pages import PageIn
from chassis.http.schemas import Amount, CamelSchema, Instant, Stripped, UpdateSchema, prose, several_lines, text
from services.campaigns.rules import RESPONSES, InviteStatus, Status

MAX_IDS = 50_000


class WebAddress(Stripped):
    """S0-21: an address to show, in encoded form. It is never fetched, so only its form matters."""

    default_error_messages = {"no_address": "Not a web address: http:// or https:// and a host."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        address = encoded(super()._deserialize(value, attr, data, **kwargs))
        if address is None:
            raise self.make_error("no_address")
        return address


def _is_json(value: str) -> None:
    """S0-21: a JSON string, stored as it was sent; its numbers are not read."""
    try:
        json.loads(value, parse_constant=_refuse, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise ValidationError("Must be JSON text.") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


class CampaignIn(CamelSchema):
    """A campaign as its supplier writes it, in whole (S0-16, S0-21)."""

    name = text(200)
    description = prose(10_000)
    participation_ask = prose(5_000)
    start_date = Instant(required=True)
    end_date = Instant(required=True)
    asset_urls = fields.List(
        WebAddress(validate=validate.Length(max=2_000)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=50),
    )
    targeting_criteria = fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(max=10_000), several_lines, _is_json]
    )
    budget = Amount(load_default=None, allow_none=True)
    currency = Stripped(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"^[A-Za-z]{3}\Z", error="Must be the three letters of a currency, such as SEK."),
    )
    proposal_type = text(50, required=False, load_default=None, allow_none=True)

    @validates_schema
    def end_follows_start(self, data: dict[str, Any], **_: Any) -> None:
        """S0-17, D3."""
        start: datetime = data["start_date"]
        if data["end_date"] <= start:
            raise ValidationError("Must be after startDate.", "endDate")

    @post_load
    def capitals(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["currency"] = data["currency"] and data["currency"].upper()
        return data


class NewCampaignIn(CampaignIn):
    """S0-11: ``status`` and ``invites`` in the body are ignored."""

    status = fields.Raw(load_only=True)
    invites = fields.Raw(load_only=True)

    @post_load
    def ignore_status_and_invites(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if name not in ("status", "invites")}


class CampaignOut(CamelSchema):
    """A campaign with its counts (S0-34)."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    participation_ask = fields.String(required=True)
    start_date = Instant(required=True)
    end_date = Instant(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Status)))
    asset_urls = fields.List(fields.String(), required=True, allow_none=True)
    targeting_criteria = fields.String(required=True, allow_none=True)
    budget = Amount(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    proposal_type = fields.String(required=True, allow_none=True)
    invite_count = fields.Integer(required=True)
    accepted_count = fields.Integer(required=True)
    declined_count = fields.Integer(required=True)
    pending_count = fields.Integer(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class InviteOut(CamelSchema):
    """An invite as the supplier sees it (S0-35)."""

    id = fields.UUID(required=True)
    retailer_id = fields.UUID(required=True)
    retailer_name = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(InviteStatus)))
    note = fields.String(required=True, allow_none=True)
    invited_at = Instant(required=True)
    responded_at = Instant(required=True, allow_none=True)


class CampaignDetailOut(CampaignOut):
    """A campaign with the first of its invites."""

    invites = fields.List(fields.Nested(InviteOut), required=True)


class CampaignChangeIn(UpdateSchema, CampaignIn):
    """The whole proposal of a draft; read-only fields are ignored (D65)."""

    answer = CampaignDetailOut


class CampaignsIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(Status)))


class SendIn(CamelSchema):
    """S0-23, S0-24: retailers, groups or both, but not neither."""

    retailer_ids = fields.List(fields.UUID(), allow_none=True, validate=validate.Length(max=MAX_IDS))
    group_ids = fields.List(fields.UUID(), allow_none=True, validate=validate.Length(max=MAX_IDS))

    @validates_schema
    def names_recipients(self, data: dict[str, Any], **_: Any) -> None:
        if not data.get("retailer_ids") and not data.get("group_ids"):
            raise ValidationError("Name at least one retailer or one group.", "retailerIds")

    @post_load
    def lists(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: data.get(name) or [] for name in ("retailer_ids", "group_ids")}


class SkippedOut(CamelSchema):
    retailer_id = fields.UUID(required=True)
    reason = fields.String(required=True)


class SendOut(CamelSchema):
    """What a send did; ``skipped`` are those left out and why (D11)."""

    campaign_id = fields.UUID(required=True)
    status = fields.String(required=True)
    invites_created = fields.Integer(required=True)
    already_invited = fields.Integer(required=True)
    skipped = fields.List(fields.Nested(SkippedOut), required=True)


class StatusIn(CamelSchema):
    status = fields.String(required=True, validate=validate.OneOf(list(Status)))


class InboxIn(PageIn):
    status = fields.String(validate=validate.OneOf(list(InviteStatus)))


class InboxItemOut(CamelSchema):
    """An invite as the retailer sees it: its own answer beside what it was invited to."""

    id = fields.UUID(required=True)
    campaign_id = fields.UUID(required=True)
    campaign_name = fields.String(required=True)
    description = fields.String(required=True)
    participation_ask = fields.String(required=True)
    start_date = Instant(required=True)
    end_date = Instant(required=True)
    asset_urls = fields.List(fields.String(), required=True, allow_none=True)
    budget = Amount(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    supplier_id = fields.UUID(required=True)
    supplier_name = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(InviteStatus)))
    note = fields.String(required=True, allow_none=True)
    invited_at = Instant(required=True)
    responded_at = Instant(required=True, allow_none=True)


class ResponseIn(CamelSchema):
    """S0-38, S0-40. A blank note is none."""

    response = fields.String(required=True, validate=validate.OneOf(RESPONSES))
    note = Stripped(load_default=None, allow_none=True, validate=[validate.Length(max=2_000), several_lines])

    @post_load
    def no_blank_note(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "note": data["note"] or None}


class TenantChangedIn(CamelSchema):
    tenant_id = fields.UUID(required=True)
    name = fields.String(required=True, validate=validate.Length(min=1))
