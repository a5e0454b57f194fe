"""Tables of sales campaigns (S1): what they give, in which stores, for which products."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from chassis.core.errors import Conflict
from chassis.core.text import fold
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.promotions.common.models import Base, Entity, Owned
from services.promotions.sales.rules import Status, may_become

ONE_UID = UniqueConstraint("tenant_id", "campaign_uid")


class SalesCampaign(Entity, Versioned, TenantScoped, Base):
    """A sales campaign of one tenant (S1).

    Attributes:
        type: ``PRICELIST`` or ``CAMPAIGN`` (S1-1).
        status: ``NEW``, ``ACTIVE`` or ``INACTIVE`` (D28).
        all_stores: it runs everywhere; otherwise in the stores of its ``SalesStore`` rows (S1-1, S1-32).
        campaign_code: empty where it works by itself (S1-30).
        quantity_threshold, amount_threshold, max_usage: 0 where there is none (S1-9).
        discount_amount, discount_percent: one of them is not 0 in a ``CAMPAIGN``, none in a ``PRICELIST`` (S1-6).
        total_uses_limit, total_discount_limit: of all orders together; None where there is none.
        activated_at: when its selection was last resolved (S1-27).
        …_folded: what a search compares (D62, D67).
    """

    __tablename__ = "sales_campaigns"
    __table_args__ = (
        ONE_UID,
        CheckConstraint("valid_from < valid_to", name="validity"),
        Index("ix_sales_campaigns_status", "tenant_id", "status"),
        Index("ix_sales_campaigns_code", "tenant_id", "campaign_code_folded"),
        Index("ix_sales_campaigns_pricelist", "pricelist_id"),
        Index("ix_sales_campaigns_customer_group", "customer_group_id"),
    )

    campaign_uid: Mapped[str]
    name: Mapped[str]
    display_name: Mapped[str]
    type: Mapped[str]
    discount_type: Mapped[str]
    status: Mapped[str]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    all_stores: Mapped[bool]
    pricelist_id: Mapped[UUID | None] = mapped_column(ForeignKey("pricelists.id"))
    customer_group_id: Mapped[UUID | None] = mapped_column(ForeignKey("customer_groups.id"))
    priority: Mapped[int]
    campaign_code: Mapped[str]
    prevent_combinations: Mapped[bool]
    quantity_threshold: Mapped[int]
    amount_threshold: Mapped[Decimal]
    max_usage: Mapped[int]
    discount_amount: Mapped[Decimal]
    discount_percent: Mapped[Decimal]
    total_uses_limit: Mapped[int | None]
    total_discount_limit: Mapped[Decimal | None]
    activated_at: Mapped[datetime | None]
    campaign_uid_folded: Mapped[str] = mapped_column(default="", server_default="")
    name_folded: Mapped[str] = mapped_column(default="", server_default="")
    display_name_folded: Mapped[str] = mapped_column(default="", server_default="")
    campaign_code_folded: Mapped[str] = mapped_column(default="", server_default="")

    DETAILS = (
        "name",
        "display_name",
        "type",
        "discount_type",
        "valid_from",
        "valid_to",
        "all_stores",
        "pricelist_id",
        "customer_group_id",
        "priority",
        "campaign_code",
        "prevent_combinations",
        "quantity_threshold",
        "amount_threshold",
        "max_usage",
        "discount_amount",
        "discount_percent",
    )
    """What its tenant writes, and what stays as it is while it is active (S1-13)."""

    @validates("campaign_uid", "name", "display_name", "campaign_code")
    def _fold(self, column: str, value: str) -> str:
        setattr(self, f"{column}_folded", fold(value))
        return value

    @property
    def details(self) -> dict[str, Any]:
        """The columns that ``DETAILS`` names."""
        return {name: getattr(self, name) for name in self.DETAILS}

    def require_editable(self) -> None:
        """S1-13.

        Raises:
            Conflict: ``campaign_active``.
        """
        if self.status == Status.ACTIVE:
            message = "An active campaign keeps its details and its selection. Deactivate it first."
            raise Conflict(message, code="campaign_active")

    def change(self, details: Mapping[str, Any], now: datetime) -> None:
        """Take over details that go together; the campaign is not active."""
        self.require_editable()
        for name, value in details.items():
            setattr(self, name, value)
        self.updated_at = now

    def become(self, status: str, now: datetime) -> None:
        """Activate or deactivate (S1-12, S1-15).

        Raises:
            Conflict: ``invalid_transition``.
        """
        if not may_become(self.status, status):
            raise Conflict(f"A campaign does not go from {self.status} to {status}.", code="invalid_transition")
        self.status, self.updated_at = status, now
        if status == Status.ACTIVE:
            self.activated_at = now


class SalesStore(Base):
    """A store that a campaign runs in (S1-32). Only reached through its campaign."""

    __tablename__ = "sales_stores"
    __table_args__ = (Index("ix_sales_stores_store", "store_id"),)

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("sales_campaigns.id"), primary_key=True)
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0, server_default="0")


class SalesSelection(Base):
    """One line of a campaign's selection as it was written (S1-23): ``include`` or ``exclude``, and whom.

    ``kind`` is ``brand``, ``category``, ``product_group`` or ``product``, which names a variant as well (D68). ``uid``
    need not exist (yet).
    """

    __tablename__ = "sales_selections"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("sales_campaigns.id"), primary_key=True)
    side: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]


class SalesSnapshot(Base):
    """A product that qualified, with all its variants, when its campaign was last activated (S1-27).

    Only ``CAMPAIGN``s by product have them; an order discount is about the order, a price list about its entries.
    Without foreign keys, which would be looked up a hundred thousand times: neither products nor campaigns are deleted.
    """

    __tablename__ = "sales_snapshots"
    __table_args__ = (Index("ix_sales_snapshots_product", "product_id"),)

    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)


class SalesVariant(Owned, TenantScoped, Base):
    """A variant that a campaign treats otherwise than its product (D68), since its last activation (S1-27).

    ``selected``: it is for the variant and not for the product; else the variant is excluded, whatever holds for the
    product. By uid, so that what is excluded stays so when its product loses the variant and gets it again.
    """

    __tablename__ = "sales_variants"
    __table_args__ = (Index("ix_sales_variants_variant", "tenant_id", "variant_uid"),)

    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    variant_uid: Mapped[str] = mapped_column(primary_key=True)
    selected: Mapped[bool]
