"""Tables of the catalogue: products, variants, price lists, stores, customer groups, settings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from chassis.core.text import fold
from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.promotions.common.models import Base, Entity, Owned


class Catalogue(Aggregate, Owned, TenantScoped, Base):
    """One row a tenant. It is the subject of the events about products, and says whether anything has changed.

    ``revision`` goes up, in the same transaction, with every change that an evaluation could show: a cache of what is
    active compares it. A write of products locks this row first, and then no other thing than what
    stands on price lists by the products' uids; every other change raises ``revision`` last, or holds this row before
    it touches what stands there. So no two wait for each other.
    """

    __tablename__ = "catalogues"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    revision: Mapped[int]


class Product(Owned, TenantScoped, Base):
    """Something that is sold; never deleted. ``cost`` is what it costs the tenant, where that is known.

    ``…_folded`` are what a search compares (D62).
    """

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("tenant_id", "product_uid"),
        Index("ix_products_brand", "tenant_id", "brand_uid"),
        Index("ix_products_group", "tenant_id", "product_group_uid"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    product_uid: Mapped[str]
    name: Mapped[str]
    price: Mapped[Decimal]
    cost: Mapped[Decimal | None]
    brand_uid: Mapped[str | None]
    product_group_uid: Mapped[str | None]
    product_uid_folded: Mapped[str] = mapped_column(default="", server_default="")
    name_folded: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @validates("product_uid", "name")
    def _fold(self, column: str, value: str) -> str:
        setattr(self, f"{column}_folded", fold(value))
        return value


class ProductCategory(Owned, TenantScoped, Base):
    """A product's place in a category; it can have several."""

    __tablename__ = "product_categories"
    __table_args__ = (Index("ix_product_categories_category", "tenant_id", "category_uid"),)

    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), primary_key=True)
    category_uid: Mapped[str] = mapped_column(primary_key=True)


class Variant(Owned, TenantScoped, Base):
    """A form of a product. ``price`` is None where it costs what the product does.

    A variant's uid is no other variant's and no product's of the tenant, so that a cart can name either.
    """

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("tenant_id", "variant_uid"), Index("ix_variants_product", "product_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"))
    variant_uid: Mapped[str]
    price: Mapped[Decimal | None]


class Settings(Aggregate, Versioned, Owned, TenantScoped, Base):
    """Settings of a tenant's promotions. The row is made when first written; until then the defaults apply.

    Attributes:
        time_zone: of the times in answers (S1-10); None for the tenant's own.
        strategy: which of several campaigns counts (D23).
        pricelist_id: the chain's list, asked after a store's own and before the catalogue (S1-34).
    """

    __tablename__ = "settings"
    __table_args__ = (UniqueConstraint("tenant_id"), Index("ix_settings_pricelist", "pricelist_id"))

    time_zone: Mapped[str | None]
    currency: Mapped[str]
    strategy: Mapped[str]
    pricelist_id: Mapped[UUID | None] = mapped_column(ForeignKey("pricelists.id"))

    def change(self, changes: Mapping[str, Any]) -> bool:
        """Take over what is named; returns whether anything is different now."""
        different = {name: value for name, value in changes.items() if getattr(self, name) != value}
        for name, value in different.items():
            setattr(self, name, value)
        return bool(different)


ONE_LIST = UniqueConstraint("tenant_id", "pricelist_uid")


class Pricelist(Entity, Versioned, TenantScoped, Base):
    """Prices that a campaign can bring into force (S1-2). They may change while it runs (S1-14)."""

    __tablename__ = "pricelists"
    __table_args__ = (ONE_LIST,)

    pricelist_uid: Mapped[str]
    name: Mapped[str]
    product_count: Mapped[int]

    # Not stored: set by the queries, for the answer.
    products = cast(Sequence[Any], ())


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


ONE_STORE = UniqueConstraint("tenant_id", "store_uid")
ONE_GROUP = UniqueConstraint("tenant_id", "customer_group_uid")


class Store(Entity, Versioned, TenantScoped, Base):
    """A shop. ``pricelist_id`` is the list of its own regular prices, where it has one (S1-34)."""

    __tablename__ = "stores"
    __table_args__ = (ONE_STORE, Index("ix_stores_pricelist", "pricelist_id"))

    store_uid: Mapped[str]
    name: Mapped[str]
    pricelist_id: Mapped[UUID | None] = mapped_column(ForeignKey("pricelists.id"))

    # Not stored: set by the queries, for the answer.
    pricelist_uid = cast(str | None, None)


class CustomerGroup(Entity, Versioned, TenantScoped, Base):
    """Customers for whom a campaign can be meant (S1-37). Who is in it the till knows."""

    __tablename__ = "customer_groups"
    __table_args__ = (ONE_GROUP,)

    customer_group_uid: Mapped[str]
    name: Mapped[str]
