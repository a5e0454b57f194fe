"""API keys as they are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data.tenancy import TenantId, TenantScoped
from contracts.roles import Role
from services.identity.common.models import REMOVED, Base
from services.identity.tenants.models import Tenant
from services.identity.tenants.principals import principal_of


class ApiKey(TenantScoped, Base):
    """What a tenant's own software signs in with. ``secret`` is encrypted, and gone once the key is removed."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("ix_api_keys_tenant_id_id", "tenant_id", "id"),
        Index("ix_api_keys_expires_at", "expires_at"),
        Index("ix_api_keys_removed_at", "removed_at", sqlite_where=REMOVED, postgresql_where=REMOVED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    api_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    secret: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def is_over(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def remove(self, now: datetime) -> None:
        if self.removed_at is not None:
            raise Conflict("This API key has been removed already.", code="invalid_transition")
        self.removed_at = now
        self.secret = None

    def as_principal(self, tenant: Tenant) -> Principal:
        return principal_of(self.id, Role.MACHINE, self.name, tenant)
