"""What is told of a tenant's products, stores and customer groups."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.messaging.events import publishes


@publishes("promotions.ProductsChanged.v1")
@dataclass(frozen=True)
class ProductsChanged:
    """Products are new or different; of a call with many, as many as fit one event, in the order of the call.

    Each is ``{productUid, name, price, brandUid, categoryUids, productGroupUid, variants, isNew}`` as it is now, a
    variant ``{variantUid, price}``; what it costs the tenant is nobody else's. Subject: the tenant's catalogue, so that
    all events about products have one order.
    """

    tenant_id: UUID
    products: list[dict[str, Any]]


@dataclass(frozen=True)
class _StoreEvent:
    """Subject: the store. As it is now."""

    tenant_id: UUID
    store_uid: str
    name: str


@publishes("promotions.StoreCreated.v1")
@dataclass(frozen=True)
class StoreCreated(_StoreEvent):
    """A tenant has a new store."""


@publishes("promotions.StoreChanged.v1")
@dataclass(frozen=True)
class StoreChanged(_StoreEvent):
    """A store has another name or other regular prices."""


@dataclass(frozen=True)
class _CustomerGroupEvent:
    """Subject: the customer group. As it is now."""

    tenant_id: UUID
    customer_group_uid: str
    name: str


@publishes("promotions.CustomerGroupCreated.v1")
@dataclass(frozen=True)
class CustomerGroupCreated(_CustomerGroupEvent):
    """A tenant has a new group of customers."""


@publishes("promotions.CustomerGroupChanged.v1")
@dataclass(frozen=True)
class CustomerGroupChanged(_CustomerGroupEvent):
    """A group of customers has another name."""
