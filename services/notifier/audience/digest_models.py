"""What waits for somebody's digest, and the digests there have been."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from services.notifier.common.models import Base

OPEN = text("digest_id IS NULL")


class DigestItem(TenantScoped, Base):
    """One event that one user hears of in a digest. It belongs to one digest, or waits for the next one.

    Attributes:
        template: the mail it would have been by itself.
        due_at: the moment of the digest it is to stand in.
        thread_id, sequence: of a message, which is not told any more once it was read.
    """

    __tablename__ = "digest_items"
    __table_args__ = (
        UniqueConstraint("user_id", "event_id", "template"),
        Index("ix_digest_items_due", "due_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index(None, "digest_id"),
        Index(None, "tenant_id", "thread_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    tenant_id: Mapped[UUID]
    topic: Mapped[str]
    cadence: Mapped[str]
    event_id: Mapped[UUID]
    template: Mapped[str]
    thread_id: Mapped[UUID | None]
    sequence: Mapped[int | None]
    context: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    digest_id: Mapped[UUID | None]

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class Digest(TenantScoped, Base):
    """The ledger: one row for each user, cadence and period, so no second digest of it can be written."""

    __tablename__ = "digests"
    __table_args__ = (UniqueConstraint("user_id", "cadence", "period_start"), Index(None, "created_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    tenant_id: Mapped[UUID]
    cadence: Mapped[str]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    created_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class ReadMark(Base):
    """How far a tenant has read a thread: the number of the thread's event that says so. What came before is read."""

    __tablename__ = "read_marks"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    thread_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int]
