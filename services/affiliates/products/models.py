"""Products. Each names the campaign to which it belongs (S2-16)."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from services.affiliates.common.models import Base, HasTerms, OfMerchant

ONE_PRODUCT = UniqueConstraint("merchant_id", "external_id")


class Product(OfMerchant, HasTerms, TenantScoped, Base):
    """One product of a merchant, identified by the merchant's own id."""

    __tablename__ = "products"
    __table_args__ = (ONE_PRODUCT,)

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    external_id: Mapped[str]
    name: Mapped[str]
    price: Mapped[Decimal]
    currency: Mapped[str | None]  # of the price and of a FIXED commission; None means the merchant's
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaigns.id"), index=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored: set by the queries, for the response.
    price_currency = ""
