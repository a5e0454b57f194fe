"""Exports and erasures under way as they are stored."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base


class Export(TenantScoped, Base):
    """All that is kept about a person, gathered from every service.

    Attributes:
        state: ``gathering``, ``ready`` or ``failed``.
        progress: by service, ``waiting`` or ``done``.
        archive: a zip file; gone at ``expires_at``.
    """

    __tablename__ = "exports"
    __table_args__ = (Index("ix_exports_user_id", "user_id"), Index("ix_exports_state", "state"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str]
    progress: Mapped[dict[str, Any]]
    archive: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id
