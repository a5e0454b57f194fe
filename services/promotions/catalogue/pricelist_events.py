"""What is told of price lists."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.messaging.events import publishes


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
