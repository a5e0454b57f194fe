"""Events of products, price lists, stores and customer groups."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.core.plain import plain
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


MAX_BYTES = 100 * 1024  # of a broker's 256 KiB; the rest is for the envelope, and for what JSON says in more bytes


def in_batches(things: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The things in their order, in lists that fit one event each; none for none."""
    batch: list[dict[str, Any]] = []
    size = 0
    for thing in things:
        ready = plain(thing)
        length = len(json.dumps(ready, ensure_ascii=False).encode())
        if batch and size + length > MAX_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(ready)
        size += length
    if batch:
        yield batch


@dataclass(frozen=True)
class _PricelistEvent:
    """Subject: the price list."""

    tenant_id: UUID
    pricelist_uid: str
    name: str


@publishes("promotions.PricelistCreated.v1")
@dataclass(frozen=True)
class PricelistCreated(_PricelistEvent):
    """A tenant has a new price list; what is on it comes in ``PricelistProductsChanged``."""


@publishes("promotions.PricelistRenamed.v1")
@dataclass(frozen=True)
class PricelistRenamed(_PricelistEvent):
    """A price list has another name."""


@publishes("promotions.PricelistDeleted.v1")
@dataclass(frozen=True)
class PricelistDeleted(_PricelistEvent):
    """A price list that nothing uses is gone, with all that was on it."""


@publishes("promotions.PricelistProductsChanged.v1")
@dataclass(frozen=True)
class PricelistProductsChanged:
    """Products were put on a price list, have another price there, or were taken off it (S1-14).

    Each of ``products`` is ``{productUid, price}``, with the uid of a product, of a variant, or of neither yet (D68),
    with a price of None when it was taken off. Of a call with many, as many as fit one event. Subject: the price list.
    """

    tenant_id: UUID
    pricelist_uid: str
    products: list[dict[str, Any]]


ALL: tuple[type, ...] = (
    ProductsChanged,
    StoreCreated,
    StoreChanged,
    CustomerGroupCreated,
    CustomerGroupChanged,
    PricelistCreated,
    PricelistRenamed,
    PricelistDeleted,
    PricelistProductsChanged,
)
