"""The mapped classes: tenants, their users and API keys, and what signing in needs to remember."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, MetaData, event, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.core.text import fold
from chassis.data.base import Aggregate
from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from contracts.roles import Role
from services.identity import rules
from services.identity.rules import KeyState


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


PLATFORM = text("kind = 'Platform'")
PRESENT = text("removed_at IS NULL")
REMOVED = text("removed_at IS NOT NULL")
IN_USE = text("state <> 'retired'")
ONE_SLUG = Index("uq_tenants_slug", "slug", unique=True)


class Tenant(Aggregate, Versioned, TenantScoped, Base):
    """A company on the platform, or the platform's operator. ``kind`` and ``slug`` never change, and no tenant is ever
    deleted. Only a row that older code has made has no slug, until ``actions.tenants.name_tenants`` gives it one."""

    __tablename__ = "tenants"
    __table_args__ = (
        ONE_SLUG,
        Index("uq_tenants_platform", "kind", unique=True, sqlite_where=PLATFORM, postgresql_where=PLATFORM),
        Index("ix_tenants_kind_id", "kind", "id"),
    )

    slug: Mapped[str | None]
    name: Mapped[str]
    name_folded: Mapped[str | None]  # what a search looks into (D62)
    kind: Mapped[str]
    time_zone: Mapped[str]
    features: Mapped[list[str]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.id == tenant_id

    @property
    def address(self) -> str:
        """What paths call it by: its slug, or its id as long as it has none."""
        return self.slug or str(self.id)

    def change(self, *, name: str | None, time_zone: str | None, now: datetime) -> bool:
        """Take over what is not None; returns whether anything is different now."""
        values = (name or self.name, time_zone or self.time_zone)
        if values == (self.name, self.time_zone):
            return False
        self.name, self.time_zone = values
        self.updated_at = now
        return True

    def fold_name(self) -> None:
        """Keep the folded name in step with the name."""
        self.name_folded = fold(self.name)

    def set_slug(self, slug: str, now: datetime) -> None:
        """Give a tenant that has none its slug, once and for all."""
        if self.slug is not None:
            raise Conflict("This tenant has a slug already.", code="invalid_transition")
        self.slug = slug
        self.updated_at = now

    def switch(self, changes: Mapping[str, bool], now: datetime) -> bool:
        """Switch features on and off; returns whether anything is different now (S0-1)."""
        features = rules.switched(self.features, changes)
        if features == self.features:
            return False
        self.features = features
        self.updated_at = now
        return True


@event.listens_for(Tenant, "before_insert")
@event.listens_for(Tenant, "before_update")
def _fold_name(_mapper: Any, _connection: Any, tenant: Tenant) -> None:
    """Only now, so that the audit trail shows the name alone."""
    tenant.fold_name()


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
        return _principal(self.id, Role(self.role), self.name, tenant)


class ApiKey(TenantScoped, Base):
    """What a tenant's own software signs in with. ``secret`` is encrypted, and gone once the key is removed."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("ix_api_keys_tenant_id_id", "tenant_id", "id"),
        Index("ix_api_keys_removed_at", "removed_at", sqlite_where=REMOVED, postgresql_where=REMOVED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    api_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    secret: Mapped[str | None]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def remove(self, now: datetime) -> None:
        if self.removed_at is not None:
            raise Conflict("This API key has been removed already.", code="invalid_transition")
        self.removed_at = now
        self.secret = None

    def as_principal(self, tenant: Tenant) -> Principal:
        return _principal(self.id, Role.MACHINE, self.name, tenant)


class RefreshToken(TenantScoped, Base):
    """One refresh token, known by its digest only. Each is good for one use; all that come from one sign-in are a
    ``family``, which is revoked as a whole when a used one comes again: it has been copied."""

    __tablename__ = "refresh_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    family: Mapped[UUID] = mapped_column(index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def is_good(self, now: datetime) -> bool:
        return self.used_at is None and self.revoked_at is None and now < self.expires_at

    def use(self, now: datetime) -> None:
        if not self.is_good(now):
            raise Conflict("This refresh token is no longer valid.", code="invalid_transition")
        self.used_at = now


class SigningKey(Base):
    """A key that signs access tokens; there is at most one ``next`` and one ``active``. ``secret`` is the encrypted
    private half, gone once the key is retired."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        Index("uq_signing_keys_state", "state", unique=True, sqlite_where=IN_USE, postgresql_where=IN_USE),
    )

    kid: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    public: Mapped[str]
    secret: Mapped[str | None]
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    def activate(self, now: datetime) -> None:
        if self.state != KeyState.NEXT:
            raise Conflict("Only the next key can become the active one.", code="invalid_transition")
        self.state = KeyState.ACTIVE
        self.activated_at = now

    def retire(self, now: datetime) -> None:
        if self.state != KeyState.ACTIVE:
            raise Conflict("Only the active key can retire.", code="invalid_transition")
        self.state = KeyState.RETIRED
        self.retired_at = now
        self.secret = None


class LoginThrottle(Base):
    """Sign-in attempts for one account from one address since ``window_start``; ``key`` is a digest of the two."""

    __tablename__ = "login_throttle"

    key: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    window_start: Mapped[datetime] = mapped_column(index=True)


def _principal(user_id: UUID, role: Role, name: str, tenant: Tenant) -> Principal:
    return Principal(
        user_id=user_id,
        tenant_id=tenant.id,
        role=role,
        name=name,
        tenant_name=tenant.name,
        tenant_kind=tenant.kind,
        tenant_slug=tenant.address,
        features=frozenset(tenant.features),
    )
