"""Events of cart campaigns and linked products (S4). Subject: the campaign, or the linked products."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _Campaign:
    campaign_id: UUID
    tenant_id: UUID
    name: str
    customer_id: str | None
    description: str | None
    status: str
    start_date: datetime
    end_date: datetime | None
    pricelist_uid: str | None
    db_version: int


@publishes("promotions.CartCampaignCreated.v1")
@dataclass(frozen=True)
class CartCampaignCreated(_Campaign):
    """There is a new cart campaign."""


@publishes("promotions.CartCampaignReplaced.v1")
@dataclass(frozen=True)
class CartCampaignReplaced(_Campaign):
    """A cart campaign was updated, perhaps only its lists of products."""


@publishes("promotions.CartCampaignDeleted.v1")
@dataclass(frozen=True)
class CartCampaignDeleted(_Campaign):
    """A cart campaign is gone, as it was last. Its linked products have events of their own."""


@dataclass(frozen=True)
class _Linked:
    linked_products_id: UUID
    tenant_id: UUID
    marketing_campaign_id: UUID
    customer_id: str | None
    base_id: str
    base_match_mode: str
    linked_id: str
    linked_match_mode: str
    quantity_selector: str
    db_version: int


@publishes("promotions.LinkedProductsCreated.v1")
@dataclass(frozen=True)
class LinkedProductsCreated(_Linked):
    """In carts of a campaign, a product goes only with another one from now on."""


@publishes("promotions.LinkedProductsReplaced.v1")
@dataclass(frozen=True)
class LinkedProductsReplaced(_Linked):
    """Linked products were updated."""


@publishes("promotions.LinkedProductsDeleted.v1")
@dataclass(frozen=True)
class LinkedProductsDeleted(_Linked):
    """Linked products are gone, by themselves or with their campaign; as they were last."""


ALL: tuple[type, ...] = (
    CartCampaignCreated,
    CartCampaignReplaced,
    CartCampaignDeleted,
    LinkedProductsCreated,
    LinkedProductsReplaced,
    LinkedProductsDeleted,
)
