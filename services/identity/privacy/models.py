"""Exports under way as they are stored."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base
from services.identity.privacy.rules import DONE, FAILED, GATHERING, READY, WAITING

LEASE = timedelta(minutes=5)


class Export(TenantScoped, Base):
    """All that is kept about a person, gathered from every service.

    Attributes:
        user_id: whom it is about: a user, or an affiliate without an account.
        email_digest: by which address an affiliate is known; None for a user, whose row knows it.
        asked_by: who may see and fetch it.
        state: ``gathering``, ``ready`` or ``failed``.
        progress: by service, ``waiting`` or ``done``.
        next_at: when the services that were away are asked again; the end of the lease of who asks them.
        archive: a zip file; gone at ``expires_at``.
    """

    __tablename__ = "exports"
    __table_args__ = (
        Index("ix_exports_user_id", "user_id"),
        Index("ix_exports_state", "state"),
        Index("ix_exports_tenant_id", "tenant_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID]
    email_digest: Mapped[str | None]
    asked_by: Mapped[UUID]
    state: Mapped[str]
    progress: Mapped[dict[str, Any]]
    archive: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    @property
    def waiting(self) -> list[str]:
        """The services that have not answered yet."""
        return [service for service, state in self.progress.items() if state == WAITING]

    def gathered(self, service: str) -> None:
        """A service has shown all it keeps."""
        self.progress = self.progress | {service: DONE}

    def finish(self, archive: bytes, now: datetime) -> None:
        self.state, self.archive, self.finished_at = READY, archive, now

    def fail(self, now: datetime) -> None:
        """A service was away for too long, or keeps more than an archive takes."""
        self.state, self.finished_at = FAILED, now

    @property
    def is_gathering(self) -> bool:
        return self.state == GATHERING


class ExportPart(Base):
    """Some of what one service keeps, compressed JSON; it goes into the archive as soon as all are there."""

    __tablename__ = "export_parts"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(LargeBinary)
