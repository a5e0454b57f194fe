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
