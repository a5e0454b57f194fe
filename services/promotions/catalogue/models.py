"""What a tenant sells: products with their categories and variants, under one catalogue."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from chassis.core.text import fold
from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from services.promotions.common.models import Base, Owned


class Catalogue(Aggregate, Owned, TenantScoped, Base):
    """One row a tenant. It is the subject of the events about products, and says whether anything has changed.

    ``revision`` goes up, in the same transaction, with every change that an evaluation could show: whoever keeps a copy
    of what is active compares it. A write of products locks this row first, and then no other thing than what
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
