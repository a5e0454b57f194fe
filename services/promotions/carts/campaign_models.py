"""Tables of cart campaigns and linked products (S4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from chassis.core.text import fold
from chassis.data.tenancy import TenantScoped
from services.promotions.common.models import Base, Entity
from services.promotions.common.rules import Warned

ONE_NAME_A_CUSTOMER = UniqueConstraint("tenant_id", "name", "customer_key")
ONE_FOLDED_NAME_A_CUSTOMER = Index(
    "uq_cart_campaigns_name_folded", "tenant_id", "name_folded", "customer_key", unique=True
)
MILLISECOND = timedelta(milliseconds=1)


class Numbered(Entity):
    """A thing with a ``dbVersion``: 0 when it is new (S4-13), one more with every update, also an equal one (S4-14).

    The caller of ``touch`` has locked the row.
    """

    db_version: Mapped[int] = mapped_column(default=0, server_default="0", sort_order=99)

    @property
    def version(self) -> int:
        """What ``ETag`` and ``If-Match`` go by (D6)."""
        return self.db_version

    def touch(self, now: datetime) -> None:
        """Count an update, with a new ``updateDate`` also where two share a millisecond (S4-14)."""
        self.db_version += 1
        self.updated_at = max(now, self.updated_at + MILLISECOND)


class CartCampaign(Numbered, TenantScoped, Base):
    """What a cart may hold, and what it costs there, from a start date to an end date or without end.

    ``customer_key`` is ``customer_id``, or empty where that is null: null counts as one value in the unique key (D51).
    ``pricelist_id`` is the list of the campaign's own prices (S4-27). ``name_folded`` is what names are compared by
    (D62); where two clashed when that began, the later one has its id behind it.
    """

    __tablename__ = "cart_campaigns"
    __table_args__ = (
        ONE_NAME_A_CUSTOMER,
        ONE_FOLDED_NAME_A_CUSTOMER,
        CheckConstraint("end_date IS NULL OR start_date < end_date", name="dates"),
        Index("ix_cart_campaigns_pricelist", "pricelist_id"),
    )

    name: Mapped[str]
    name_folded: Mapped[str | None]
    customer_id: Mapped[str | None]
    customer_key: Mapped[str]
    description: Mapped[str | None]
    status: Mapped[str]
    start_date: Mapped[datetime]
    end_date: Mapped[datetime | None]
    pricelist_id: Mapped[UUID | None] = mapped_column(ForeignKey("pricelists.id"))

    lines: Mapped[list["CartCampaignProduct"]] = relationship(
        order_by="CartCampaignProduct.position", cascade="all, delete-orphan", lazy="selectin"
    )

    # Not stored here: set for the answer.
    pricelist_uid = cast(str | None, None)
    warnings = cast(Sequence[Warned], ())

    @validates("name")
    def _fold(self, _column: str, value: str) -> str:
        if value != self.name:
            self.name_folded = fold(value)
        return value

    @property
    def products(self) -> list["CartCampaignProduct"]:
        """The filter (S4-26)."""
        return [line for line in self.lines if not line.mandatory]

    @property
    def mandatory_products(self) -> list["CartCampaignProduct"]:
        """S4-11."""
        return [line for line in self.lines if line.mandatory]

    def write(
        self,
        fields: Mapping[str, Any],
        *,
        products: Sequence[Mapping[str, str]],
        mandatory_products: Sequence[Mapping[str, str]],
    ) -> None:
        """Be what ``fields`` and the two lists say, and nothing of what was before (PUT replaces)."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.customer_key = self.customer_id or ""
        lines = [(False, line) for line in products] + [(True, line) for line in mandatory_products]
        self.lines = [
            CartCampaignProduct(
                position=position, mandatory=mandatory, product_id=line["id"], match_mode=line["match_mode"]
            )
            for position, (mandatory, line) in enumerate(lines)
        ]


class CartCampaignProduct(Base):
    """One line of a campaign's filter, or of the products that must be in the cart. Only reached through its campaign.

    ``product_id`` is a product or a variant, and need not exist (yet).
    """

    __tablename__ = "cart_campaign_products"
    __table_args__ = (Index("ix_cart_campaign_products_product", "product_id"),)

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("cart_campaigns.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    mandatory: Mapped[bool]
    product_id: Mapped[str]
    match_mode: Mapped[str]

    @property
    def id(self) -> str:
        """What it is called on the wire."""
        return self.product_id


class LinkedProducts(Numbered, TenantScoped, Base):
    """In carts of a campaign, a product that goes only with another one (S4-21, S4-22)."""

    __tablename__ = "linked_products"
    __table_args__ = (
        Index("ix_linked_products_campaign", "marketing_campaign_id"),
        Index("ix_linked_products_tenant", "tenant_id"),
    )

    customer_id: Mapped[str | None]
    marketing_campaign_id: Mapped[UUID] = mapped_column(ForeignKey("cart_campaigns.id"))
    base_id: Mapped[str]
    base_match_mode: Mapped[str]
    linked_id: Mapped[str]
    linked_match_mode: Mapped[str]
    quantity_selector: Mapped[str]

    warnings = cast(Sequence[Warned], ())  # not stored: set for the answer

    @property
    def base_product(self) -> dict[str, str]:
        return {"id": self.base_id, "match_mode": self.base_match_mode}

    @property
    def linked_product(self) -> dict[str, str]:
        return {
            "id": self.linked_id,
            "match_mode": self.linked_match_mode,
            "quantity_selector": self.quantity_selector,
        }

    def write(
        self,
        *,
        customer_id: str | None,
        marketing_campaign_id: UUID,
        base_product: Mapping[str, str],
        linked_product: Mapping[str, str],
    ) -> None:
        """Be what is named here, and nothing of what was before (PUT replaces)."""
        self.customer_id, self.marketing_campaign_id = customer_id, marketing_campaign_id
        self.base_id, self.base_match_mode = base_product["id"], base_product["match_mode"]
        self.linked_id, self.linked_match_mode = linked_product["id"], linked_product["match_mode"]
        self.quantity_selector = linked_product["quantity_selector"]
