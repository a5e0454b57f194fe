"""Events of sales campaigns (S1)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _SalesCampaignEvent:
    """Subject: the campaign. All of it as it is now but the selection, which can be long; no stores are all stores."""

    tenant_id: UUID
    campaign_uid: str
    name: str
    display_name: str
    type: str
    discount_type: str
    status: str
    valid_from: datetime
    valid_to: datetime
    store_uids: list[str]
    pricelist_uid: str | None
    customer_group_uid: str | None
    priority: int
    campaign_code: str
    prevent_combinations: bool
    quantity_threshold: int
    amount_threshold: Decimal
    max_usage: int
    discount_amount: Decimal
    discount_percent: Decimal


@publishes("promotions.SalesCampaignCreated.v1")
@dataclass(frozen=True)
class SalesCampaignCreated(_SalesCampaignEvent):
    """A campaign was made; it has no effect yet (S1-11)."""


@publishes("promotions.SalesCampaignChanged.v1")
@dataclass(frozen=True)
class SalesCampaignChanged(_SalesCampaignEvent):
    """Details of a campaign that is not active have changed."""


@publishes("promotions.SalesCampaignActivated.v1")
@dataclass(frozen=True)
class SalesCampaignActivated(_SalesCampaignEvent):
    """A campaign has been activated, the first time or again; it has an effect within its dates (S1-12, S1-33).

    ``product_count`` is how many products, and variants by themselves, its selection was resolved to (S1-27); None
    where it has none.
    """

    product_count: int | None


@publishes("promotions.SalesCampaignDeactivated.v1")
@dataclass(frozen=True)
class SalesCampaignDeactivated(_SalesCampaignEvent):
    """A campaign has no effect any more, until it is activated again (S1-15)."""


@publishes("promotions.SalesSelectionReplaced.v1")
@dataclass(frozen=True)
class SalesSelectionReplaced:
    """What a campaign is for was written anew; how many are named of each kind (S1-28). Subject: the campaign."""

    tenant_id: UUID
    campaign_uid: str
    included: dict[str, int]
    excluded: dict[str, int]


ALL: tuple[type, ...] = (
    SalesCampaignCreated,
    SalesCampaignChanged,
    SalesCampaignActivated,
    SalesCampaignDeactivated,
    SalesSelectionReplaced,
)
