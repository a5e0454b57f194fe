"""Events of store campaigns (S3-9), for tills and displays. Subject: the campaign.

Each event has the whole campaign as it was then, so that a subscriber that missed one needs no other.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _Campaign:
    campaign_id: UUID
    company_id: UUID
    name: str
    description: str | None
    campaign_identifier: str
    starts_at: datetime
    ends_at: datetime
    status: str
    store_ids: tuple[str, ...]


@publishes("promotions.CampaignCreated.v1")
@dataclass(frozen=True)
class CampaignCreated(_Campaign):
    """A company has a new campaign for its stores."""


@publishes("promotions.CampaignUpdated.v1")
@dataclass(frozen=True)
class CampaignUpdated(_Campaign):
    """A campaign was changed; the new data is in force at once (S3-6). ``updated_fields`` are those that differ now."""

    updated_fields: tuple[str, ...]


@publishes("promotions.CampaignStarted.v1")
@dataclass(frozen=True)
class CampaignStarted(_Campaign):
    """A campaign runs from now on: its start has come, or it was activated by hand (S3-7, S3-8)."""


@publishes("promotions.CampaignEnded.v1")
@dataclass(frozen=True)
class CampaignEnded(_Campaign):
    """A campaign is over for good: its end has passed, or it was ended by hand (S3-7, D41)."""


@publishes("promotions.CampaignDeleted.v1")
@dataclass(frozen=True)
class CampaignDeleted(_Campaign):
    """A campaign that was over, or that never ran, is gone, as it was last (D44)."""


ALL: tuple[type, ...] = (CampaignCreated, CampaignUpdated, CampaignStarted, CampaignEnded, CampaignDeleted)
