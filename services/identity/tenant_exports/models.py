"""Exports of tenants as they are stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.clock import CLOCKS_APART
from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base
from services.identity.tenant_exports import rules

UNDER_WAY = text("state = 'gathering'")


class TenantExport(TenantScoped, Base):
    """All that is kept of a tenant, gathered from every service. One at a time is under way for a tenant.

    Attributes:
        asked_by: who may see and fetch it.
        state: ``gathering``, ``ready`` or ``failed``.
        progress: how far each service is (``rules.NOTHING``), with the place where it goes on.
        next_at: when the services that were away are asked again; the end of the lease of who asks them.
        fetched_at: when the archive was last fetched to its end.
        expires_at: when it and all of its parts are let go.
    """

    __tablename__ = "tenant_exports"
    __table_args__ = (
        Index("ix_tenant_exports_tenant_id", "tenant_id", "asked_by", "id"),
        Index(
            "uq_tenant_exports_under_way", "tenant_id", unique=True, sqlite_where=UNDER_WAY, postgresql_where=UNDER_WAY
        ),
        Index("ix_tenant_exports_state", "state", "next_at"),
        Index("ix_tenant_exports_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    asked_by: Mapped[UUID]
    state: Mapped[str]
    progress: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    @property
    def is_gathering(self) -> bool:
        return self.state == rules.GATHERING

    @property
    def waiting(self) -> list[str]:
        """The services that have not shown everything yet."""
        return [service for service, progress in self.progress.items() if progress["state"] == rules.WAITING]

    def add(self, service: str, part: Mapping[str, Any], now: datetime) -> None:
        """A service has shown some rows; the lease is prolonged."""
        self.progress = self.progress | {service: rules.progressed(self.progress[service], part)}
        self.next_at = now + rules.LEASE

    def finish(self, now: datetime) -> None:
        self.state, self.finished_at = rules.READY, now

    def fail(self, now: datetime) -> None:
        """A service was away for too long, or somebody was erased meanwhile."""
        self.state, self.finished_at = rules.FAILED, now

    def become_outdated(self, now: datetime) -> None:
        """Somebody in it was erased: it has failed where it is still gathered, so that who asked sees it; it is over
        where it is ready."""
        if self.is_gathering:
            self.fail(now)
        else:
            self.end(now)

    def end(self, now: datetime) -> None:
        """It is fetched no more, by whichever clock."""
        self.expires_at = min(self.expires_at, now - CLOCKS_APART)


class TenantExportPart(Base):
    """Some rows of one table, compressed JSON lines. They become the archive while it is fetched."""

    __tablename__ = "tenant_export_parts"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("tenant_exports.id", ondelete="CASCADE"), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    table_name: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
