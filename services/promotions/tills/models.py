"""Table of the bundle versions that tills were given, so that a till can ask for the changes since one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from services.promotions.common.models import Base, Owned


class BundleVersion(Owned, TenantScoped, Base):
    """One state of a store's bundle. ``campaigns`` maps uids to digests of what the bundle said of them."""

    __tablename__ = "bundle_versions"
    __table_args__ = (Index("ix_bundle_versions_tenant", "tenant_id"),)

    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.id"), primary_key=True, sort_order=-2)
    version: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    campaigns: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
