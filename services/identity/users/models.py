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

ONE_SUBJECT = Index(
    "uq_users_sso_subject", "tenant_id", "sso_subject", unique=True, sqlite_where=PRESENT, postgresql_where=PRESENT
)
ONE_ADDRESS = Index("uq_users_email_key", "email_key", unique=True, sqlite_where=PRESENT, postgresql_where=PRESENT)


class User(Aggregate, TenantScoped, Base):
    """A person who signs in, or is invited to. A removed user stays as a row, so that the trail keeps a name; the
    address is free."""

    __tablename__ = "users"
    __table_args__ = (
        ONE_ADDRESS,
        Index("ix_users_tenant_id_id", "tenant_id", "id"),
        ONE_SUBJECT,
        Index("ix_users_removed_at", "removed_at", sqlite_where=REMOVED, postgresql_where=REMOVED),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    email: Mapped[str]
    email_key: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str | None]  # None until a password is set, and where only single sign-on or a passkey opens
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]
    sso_subject: Mapped[str | None]  # how the tenant's own identity provider calls the person
    external_id: Mapped[str | None]  # how the tenant's directory does (SCIM)
    created_at: Mapped[datetime]
    invited_at: Mapped[datetime | None]  # as long as the invitation has not been accepted
    suspended_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    @property
    def may_sign_in(self) -> bool:
        return self.invited_at is None and self.suspended_at is None and self.removed_at is None

    def remove(self, now: datetime) -> None:
        if self.removed_at is not None:
            raise Conflict("This user has been removed already.", code="invalid_transition")
        self.removed_at = now

    def as_principal(self, tenant: Tenant, session_id: UUID | None = None) -> Principal:
        return principal_of(self.id, Role(self.role), self.name, tenant, session_id)
