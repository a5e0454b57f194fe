"""What the affiliate programme tells the others. A shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _CampaignEvent:
    """Subject: the campaign. Told to the merchant."""

    campaign_id: UUID
    campaign_code: str
    title: str
    merchant_id: UUID
    merchant_name: str


@publishes("affiliates.CampaignActivated.v1")
@dataclass(frozen=True)
class CampaignActivated(_CampaignEvent):
    """A campaign was switched on, for the first time or again."""


@publishes("affiliates.CampaignPaused.v1")
@dataclass(frozen=True)
class CampaignPaused(_CampaignEvent):
    """A campaign was switched off; its links do not convert until it is activated again."""


@dataclass(frozen=True)
class _AffiliateEvent:
    """Subject: the affiliate. Told to the merchant."""

    affiliate_id: UUID
    affiliate_name: str
    affiliate_email: str
    merchant_id: UUID
    merchant_name: str


@publishes("affiliates.AffiliateApproved.v1")
@dataclass(frozen=True)
class AffiliateApproved(_AffiliateEvent):
    """An affiliate may spread links, for the first time or again."""


@publishes("affiliates.AffiliateSuspended.v1")
@dataclass(frozen=True)
class AffiliateSuspended(_AffiliateEvent):
    """An affiliate's links no longer work."""


@publishes("affiliates.ClickRecorded.v1")
@dataclass(frozen=True)
class ClickRecorded:
    """Clicks of one merchant that were written together. Subject: the merchant's tenant. Told to the merchant.

    Each of ``clicks``: ``{clickId, linkId, campaignId, affiliateId, clickedAt, live, reason, flags}``; ``reason`` says
    why it led to the fallback address, where it did.
    """

    merchant_id: UUID
    clicks: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _ConversionEvent:
    """Subject: the conversion. Told to the merchant."""

    conversion_id: UUID
    external_order_id: str
    merchant_id: UUID
    merchant_name: str
    campaign_id: UUID | None
    campaign_title: str | None
    affiliate_id: UUID | None
    affiliate_name: str | None
    affiliate_email: str | None
    click_id: UUID | None
    currency: str


@publishes("affiliates.ConversionCredited.v1")
@dataclass(frozen=True)
class ConversionCredited(_ConversionEvent):
    """An order was credited to an affiliate; ``commission`` is held or approved as its order status says."""

    commission: Decimal
    commission_level: str
    order_status: str


@publishes("affiliates.ConversionRefused.v1")
@dataclass(frozen=True)
class ConversionRefused(_ConversionEvent):
    """An order was credited to nobody, and never will be (D34)."""

    reason: str


@publishes("affiliates.CommissionReversed.v1")
@dataclass(frozen=True)
class CommissionReversed(_ConversionEvent):
    """Commission was taken back, in part for a partial refund; ``remaining`` is what is left of it."""

    reversed: Decimal
    remaining: Decimal
    order_status: str


ALL = (
    CampaignActivated,
    CampaignPaused,
    AffiliateApproved,
    AffiliateSuspended,
    ClickRecorded,
    ConversionCredited,
    ConversionRefused,
    CommissionReversed,
)
