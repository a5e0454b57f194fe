"""Tenants that have ended: how far a service is with what they have left."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.data.base import ChassisBase
from chassis.data.bulk import insert_ignoring
from privacy.passes import LEASE, PASSES


class EndingRow(ChassisBase):
    """A tenant that has ended. The row stays, so that what two tenants share goes with the second of them.

    Attributes:
        passes: how often all steps have been taken.
        step: where the pass goes on.
        next_at: when somebody may go on; the end of the lease of the process that works on it. None after the last
            pass.
    """

    __tablename__ = "endings"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime]
    passes: Mapped[int] = mapped_column(default=0, server_default="0")
    step: Mapped[int] = mapped_column(default=0, server_default="0")
    next_at: Mapped[datetime | None] = mapped_column(index=True)

    def go_on(self, *, more: bool, steps: int, now: datetime) -> bool:
        """Store how far it is; returns whether it is done for good."""
        self.next_at = now
        self.step += not more
        if self.step < steps:
            return False
        self.step, self.passes = 0, self.passes + 1
        self.next_at = now + PASSES[self.passes - 1] if self.passes <= len(PASSES) else None
        return self.next_at is None


def begin(session: Session, tenant_id: UUID, now: datetime) -> None:
    """Have what a tenant has left deleted; does nothing where that is under way or done."""
    row = {"tenant_id": tenant_id, "ended_at": now, "passes": 0, "step": 0, "next_at": now}
    insert_ignoring(session, EndingRow, [row])


def claim(session: Session, now: datetime) -> EndingRow | None:
    """The ending that has been due for longest, for one lease; None when nothing is due."""
    due = select(EndingRow).where(EndingRow.next_at <= now).order_by(EndingRow.next_at).limit(1)
    row = session.scalar(due.with_for_update(skip_locked=True))
    if row is not None:
        row.next_at = now + LEASE
    return row


def lock(session: Session, tenant_id: UUID) -> EndingRow | None:
    return session.get(EndingRow, tenant_id, with_for_update=True)


def has_ended(tenant_id: Any) -> ColumnElement[bool]:
    """SQL: whether the tenant of a column has ended."""
    return exists(select(EndingRow.tenant_id).where(EndingRow.tenant_id == tenant_id))
