"""Users as they are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantId, TenantScoped
from contracts.roles import Role
from services.identity.common.models import PRESENT, REMOVED, Base
from services.identity.tenants.models import Tenant
from services.identity.tenants.principals import principal_of

ONE_ADDRESS = Index("uq_users_email_key", "email_key", unique=True, sqlite_where=PRESENT, postgresql_where=PRESENT)


class User(Aggregate, TenantScoped, Base):
    """A person who signs in. A removed user stays as a row, so that the trail keeps a name; its address is free."""

    __tablename__ = "users"
    __table_args__ = (
        ONE_ADDRESS,
        Index("ix_users_tenant_id_id", "tenant_id", "id"),
        Index("ix_users_removed_at", "removed_at", sqlite_where=REMOVED, postgresql_where=REMOVED),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    email: Mapped[str]
    email_key: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def remove(self, now: datetime) -> None:
        if self.removed_at is not None:
            raise Conflict("This user has been removed already.", code="invalid_transition")
        self.removed_at = now

    def as_principal(self, tenant: Tenant) -> Principal:
        return principal_of(self.id, Role(self.role), self.name, tenant)
