"""A click as it is seen, before it is written."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewClick:
    """The names are the table's."""

    id: UUID
    merchant_id: UUID
    link_id: UUID
    campaign_id: UUID
    affiliate_id: UUID
    visitor_id: UUID
    clicked_at: datetime
    window_days: int
    live: bool
    reason: str | None
    address_hash: str | None
    flags: str
