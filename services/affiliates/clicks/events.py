"""Events about clicks. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.messaging.events import publishes


@publishes("affiliates.ClickRecorded.v1")
@dataclass(frozen=True)
class ClickRecorded:
    """Clicks of one merchant that were written together. Subject: the merchant's tenant. Visible to the merchant.

    Each of ``clicks``: ``{clickId, linkId, campaignId, affiliateId, clickedAt, live, reason, flags}``; ``reason`` says
    why it led to the fallback address, where it did.
    """

    merchant_id: UUID
    clicks: tuple[dict[str, Any], ...]
