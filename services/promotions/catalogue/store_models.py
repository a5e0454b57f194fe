"""Where a tenant sells, and the groups its customers are in."""

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.promotions.common.models import Base, Owned

ONE_STORE = UniqueConstraint("tenant_id", "store_uid")
ONE_GROUP = UniqueConstraint("tenant_id", "customer_group_uid")


class Store(Aggregate, Versioned, Owned, TenantScoped, Base):
    """A shop. ``pricelist_id`` is the list of its own regular prices, where it has one (S1-34)."""

    __tablename__ = "stores"
    __table_args__ = (ONE_STORE,)

    store_uid: Mapped[str]
    name: Mapped[str]
    pricelist_id: Mapped[UUID | None] = mapped_column(ForeignKey("pricelists.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    # Not stored: set by the queries, for the answer.
    pricelist_uid = cast(str | None, None)


class CustomerGroup(Aggregate, Versioned, Owned, TenantScoped, Base):
    """Customers for whom a campaign can be meant (S1-37). Who is in it the till knows."""

    __tablename__ = "customer_groups"
    __table_args__ = (ONE_GROUP,)

    customer_group_uid: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
