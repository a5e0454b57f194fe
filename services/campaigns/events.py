"""What this service publishes. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _WholeCampaign:
    """Subject: the campaign, as its supplier wrote it. Visible to the supplier."""

    campaign_id: UUID
    supplier_id: UUID
    supplier_name: str
    name: str
    description: str
    participation_ask: str
    start_date: datetime
    end_date: datetime
    asset_urls: list[str] | None
    targeting_criteria: str | None
    budget: Decimal | None
    currency: str | None
    proposal_type: str | None


@publishes("campaigns.CampaignCreated.v1")
@dataclass(frozen=True)
class CampaignCreated(_WholeCampaign):
    """A supplier has drafted a campaign; nobody has been contacted (S0-19)."""


@publishes("campaigns.CampaignChanged.v1")
@dataclass(frozen=True)
class CampaignChanged(_WholeCampaign):
    """A draft reads differently now; the whole of it as it stands."""


@publishes("campaigns.CampaignDeleted.v1")
@dataclass(frozen=True)
class CampaignDeleted:
    """A draft was thrown away."""

    campaign_id: UUID
    supplier_id: UUID
    name: str


@publishes("campaigns.CampaignSent.v1")
@dataclass(frozen=True)
class CampaignSent:
    """A campaign was sent, or sent again to further retailers. Each new invite has an event of its own."""

    campaign_id: UUID
    supplier_id: UUID
    name: str
    status: str
    invites_created: int
    invite_count: int


@publishes("campaigns.CampaignAdvanced.v1")
@dataclass(frozen=True)
class CampaignAdvanced:
    """A supplier moved a campaign's label on its board; this notifies nobody (S0-14)."""

    campaign_id: UUID
    supplier_id: UUID
    name: str
    previous_status: str
    status: str


@publishes("campaigns.InviteCreated.v1")
@dataclass(frozen=True)
class InviteCreated:
    """A retailer was invited: once for each campaign, whatever is sent again (S0-27, S0-30)."""

    invite_id: UUID
    campaign_id: UUID
    campaign_name: str
    participation_ask: str
    start_date: datetime
    end_date: datetime
    supplier_id: UUID
    supplier_name: str
    retailer_id: UUID
    retailer_name: str


@publishes("campaigns.InviteResponded.v1")
@dataclass(frozen=True)
class InviteResponded:
    """A retailer accepted or declined, for good (S0-39)."""

    invite_id: UUID
    campaign_id: UUID
    campaign_name: str
    supplier_id: UUID
    supplier_name: str
    retailer_id: UUID
    retailer_name: str
    response: str
    note: str | None
