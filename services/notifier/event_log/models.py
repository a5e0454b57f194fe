"""Every event of the platform once, in one order, and which tenants may see it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from services.notifier.common.models import Base, TenantOwned

THE_ONE = 1


class EventLogEnd(Base):
    """The end of the log: a single row, locked from when an event takes its position until that event is committed.

    So positions have no gaps, and a reader who sees one position sees all smaller ones.

    Attributes:
        last: the newest event's position; 0 before the first.
        trimmed: everything up to this position has been deleted.
    """

    __tablename__ = "event_log_end"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=THE_ONE)
    last: Mapped[int] = mapped_column(BigInteger)
    trimmed: Mapped[int] = mapped_column(BigInteger)


class LoggedEvent(Base):
    """An event; ``body`` is its envelope as it was published. Read it by way of :class:`EventViewer`."""

    __tablename__ = "event_log"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    body: Mapped[str]
    logged_at: Mapped[datetime] = mapped_column(index=True)


class EventViewer(TenantOwned, TenantScoped, Base):
    """A tenant that an event names, and so may see it."""

    __tablename__ = "event_viewers"
    __table_args__ = (Index(None, "tenant_id", "subject", "position"), Index(None, "position"))

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    type: Mapped[str]
    subject: Mapped[UUID]
