"""Tenants as they are stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, event, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.errors import Conflict
from chassis.core.text import fold
from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from services.identity.common.models import Base
from services.identity.tenants import rules

PLATFORM = text("kind = 'Platform'")
ONE_SLUG = Index("uq_tenants_slug", "slug", unique=True)


class Tenant(Aggregate, Versioned, TenantScoped, Base):
    """A company on the platform, or the platform's operator. ``kind`` and ``slug`` never change, and no tenant is ever
    deleted. Only a row that older code has made has no slug, until ``actions.name_tenants`` gives it one."""

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
    locale: Mapped[str | None]
    second_factor_required: Mapped[bool] = mapped_column(default=False, server_default=false())
    suspended_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]  # when all that is its own goes, once the operator has ended it
    ended_at: Mapped[datetime | None]  # when it went
    exported_at: Mapped[datetime | None]  # from when the newest archive is that was fetched to its end
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.id == tenant_id

    @property
    def address(self) -> str:
        """What paths call it by: its slug, or its id as long as it has none."""
        return self.slug or str(self.id)

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None

    def require_active(self) -> None:
        """Raises:
        SuspendedTenant: ``tenant_suspended``.
        """
        if self.is_suspended:
            raise rules.SuspendedTenant

    def change(self, changes: Mapping[str, Any], now: datetime) -> bool:
        """Take over names, zones and the like; returns whether anything is different now."""
        changed = {field: value for field, value in changes.items() if getattr(self, field) != value}
        for field, value in changed.items():
            setattr(self, field, value)
            self.updated_at = now
        return bool(changed)

    def suspend(self, now: datetime) -> bool:
        """Answer and send nothing for the tenant; returns whether that is new."""
        if self.kind == rules.Kind.PLATFORM:
            raise Conflict("The platform's own tenant stays.", code="invalid_transition")
        if self.is_suspended:
            return False
        self.suspended_at = self.updated_at = now
        return True

    def resume(self, now: datetime) -> bool:
        """Work as before, also where an end was set that has not come; returns whether that is new."""
        self.require_living()
        if self.ends_at is not None and self.ends_at <= now:
            raise Conflict("This tenant is ending: its people are being forgotten.", code="tenant_ended")
        if not self.is_suspended:
            return False
        self.suspended_at = self.ends_at = None
        self.updated_at = now
        return True

    def set_end(self, ends_at: datetime) -> bool:
        """Let the tenant end then; an end that is set already stays. Returns whether it is new."""
        self.require_living()
        if self.ends_at is not None:
            return False
        self.ends_at = ends_at
        return True

    def has_got_data(self, exported_at: datetime) -> None:
        """An archive from that moment was fetched to its end."""
        if self.exported_at is None or self.exported_at < exported_at:
            self.exported_at = exported_at

    def require_exported(self, now: datetime) -> None:
        """Raises:
        Conflict: ``not_exported``: no archive of the last days was fetched to its end.
        """
        if self.exported_at is None or now - self.exported_at > rules.EXPORT_COUNTS:
            message = "Fetch an export of this tenant first, or say that it has its data otherwise: ?exported=true."
            raise Conflict(message, code="not_exported")

    def end(self, now: datetime) -> None:
        self.require_living()
        self.ended_at = self.updated_at = now

    def require_living(self) -> None:
        """Raises:
        Conflict: ``tenant_ended``: its grace is over, and what was its own is gone.
        """
        if self.ended_at is not None:
            raise Conflict("This tenant has ended.", code="tenant_ended")

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
