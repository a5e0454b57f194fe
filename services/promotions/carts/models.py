"""Tables of shoppers' carts (S4-24 to S4-28)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.core.errors import Invalid
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.promotions.carts.rules import MAX_ITEMS, MAX_QUANTITY, Item
from services.promotions.common.models import Base, Owned


class Cart(Versioned, Owned, TenantScoped, Base):
    """What a shopper is about to buy at a tenant's. Whoever knows its random id can use it; there is no other key.

    Attributes:
        campaign_name: what the campaign was called when the cart was made, or ``mktop`` where there was none; None
            without ``mktop``.
        campaign_id: the campaign that counted then (S4-24); None where none did, for ``campaign_reason``. The campaign
            may be deleted since.
    """

    __tablename__ = "carts"
    __table_args__ = (Index("ix_carts_expires", "expires_at"), Index("ix_carts_tenant", "tenant_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    campaign_name: Mapped[str | None]
    campaign_id: Mapped[UUID | None]
    campaign_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    lines: Mapped[list["CartItem"]] = relationship(
        order_by="CartItem.position", cascade="all, delete-orphan", lazy="selectin"
    )

    def add(self, product_id: str, quantity: int) -> None:
        """Put more of a product in; one that was removed comes back.

        Raises:
            Invalid: the cart, or the line, would hold too much.
        """
        line = self.line(product_id) or self._new_line(product_id)
        line.set(line.quantity + quantity)

    def set(self, product_id: str, quantity: int) -> None:
        """Hold so much of a product, also of one that is not in the cart yet; 0 takes it out.

        Raises:
            Invalid: the cart, or the line, would hold too much.
        """
        line = self.line(product_id)
        if quantity:
            (line or self._new_line(product_id)).set(quantity)
        elif line:
            self.lines.remove(line)

    def line(self, product_id: str) -> "CartItem | None":
        return next((line for line in self.lines if line.product_id == product_id), None)

    def _new_line(self, product_id: str) -> "CartItem":
        if len(self.lines) >= MAX_ITEMS:
            raise Invalid.field("product", f"A cart holds at most {MAX_ITEMS} different products.")
        position = max((line.position for line in self.lines), default=-1) + 1
        line = CartItem(position=position, product_id=product_id, quantity=0)
        self.lines.append(line)
        return line

    def store_settled(self, settled: Sequence[Item]) -> None:
        """Take over the lines that the campaign allows."""
        for line, item in zip(self.lines, settled, strict=True):
            line.quantity, line.removed_because = item.quantity, item.removed_because


class CartItem(Base):
    """One product in a cart, or one that was removed, with the reason. Only reached through its cart."""

    __tablename__ = "cart_items"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity"),)

    cart_id: Mapped[UUID] = mapped_column(ForeignKey("carts.id", ondelete="CASCADE"), primary_key=True)
    product_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    quantity: Mapped[int]
    removed_because: Mapped[str | None]

    def set(self, quantity: int) -> None:
        if quantity > MAX_QUANTITY:
            raise Invalid.field("quantity", f"A cart holds at most {MAX_QUANTITY} of one product.")
        self.quantity, self.removed_because = quantity, None
