"""The tokens of directories as they are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base


class ScimToken(TenantScoped, Base):
    """What a tenant's directory shows; known by its digest only."""

    __tablename__ = "scim_tokens"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    @property
    def id(self) -> UUID:
        """What the audit trail calls it by: a tenant has one."""
        return self.tenant_id
