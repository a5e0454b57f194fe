"""Lists of products with prices set for them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.promotions.common.models import Base, Owned

ONE_LIST = UniqueConstraint("tenant_id", "pricelist_uid")


class Pricelist(Aggregate, Versioned, Owned, TenantScoped, Base):
    """Prices that a campaign can bring into force (S1-2). They may change while it runs (S1-14)."""

    __tablename__ = "pricelists"
    __table_args__ = (ONE_LIST,)

    pricelist_uid: Mapped[str]
    name: Mapped[str]
    product_count: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored: set by the queries, for the answer.
    products = cast(Sequence[Any], ())

    @classmethod
    def start(cls, pricelist_uid: str, name: str, *, tenant_id: UUID, now: datetime) -> "Pricelist":
        """A new list on which nothing stands yet."""
        return cls(
            id=uuid7(),
            tenant_id=tenant_id,
            pricelist_uid=pricelist_uid,
            name=name,
            product_count=0,
            created_at=now,
            updated_at=now,
            event_sequence=0,
        )


class PricelistEntry(Base):
    """The price of one product on one list, with all its variants. Only reached through its list."""

    __tablename__ = "pricelist_entries"
    __table_args__ = (Index("ix_pricelist_entries_product", "product_id"),)

    pricelist_id: Mapped[UUID] = mapped_column(ForeignKey("pricelists.id"), primary_key=True)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), primary_key=True)
    price: Mapped[Decimal]


class PricelistVariant(Base):
    """The price of one variant on one list, before its product's there (D68). Only reached through its list.

    By uid, because a variant that its product loses and gets again is another row there, and because the catalogue need
    not have it yet. When it gets a product of that uid, the price becomes the product's :class:`PricelistEntry`.
    """

    __tablename__ = "pricelist_variants"

    pricelist_id: Mapped[UUID] = mapped_column(ForeignKey("pricelists.id"), primary_key=True)
    variant_uid: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[Decimal]
