"""Events about campaigns. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _CampaignEvent:
    """Subject: the campaign. Visible to the merchant."""

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
