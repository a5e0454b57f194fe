"""Who changed what, when, and from what to what (D8).

Written in the transaction of the change, so a failed one leaves none.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, delete, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from chassis.core import context
from chassis.core.plain import plain
from chassis.core.principal import Principal
from chassis.core.text import camel
from chassis.data.base import ChassisBase
from chassis.data.bulk import execute_counted

TRIM = 1000
UNTOLD = frozenset(
    {
        "version",
        "event_sequence",
        "updated_at",
        "password_hash",
        "secret",
        "previous_secret",
        "client_secret",
        "pending_secret",
        "digest",
        "challenge",
        "sso_subject",
        "earlier_addresses",
    }
)


class AuditRow(ChassisBase):
    """One change of one thing. Only ever added."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_tenant", "tenant_id", "at"),
        Index("ix_audit_target", "target_id", "at"),
        Index("ix_audit_tenant_id_id", "tenant_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    at: Mapped[datetime]
    actor_id: Mapped[UUID]
    actor_name: Mapped[str]
    request_id: Mapped[str | None]
    action: Mapped[str]
    target_type: Mapped[str]
    target_id: Mapped[UUID]
    changes: Mapped[dict[str, Any]]


def record(
    session: Session,
    action: str,
    target: Any,
    *,
    tenant_id: UUID,
    actor: Principal,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> None:
    """Write an audit row for what has happened to ``target`` since it was last flushed.

    Call it after the change and before the flush. ``action`` is ``noun.verb``, e.g. ``tier.replaced``. ``changes``
    adds what the target's own columns do not show, as ``{field: [before, after]}``.
    """
    session.add(
        AuditRow(
            id=uuid7(),
            tenant_id=tenant_id,
            at=now,
            actor_id=actor.user_id,
            actor_name=actor.name,
            request_id=context.request_id.get(),
            action=action,
            target_type=action.partition(".")[0],
            target_id=target.id,
            changes=_changes(target) | (changes or {}),
        )
    )


def trim(session: Session, *, before: datetime) -> int:
    """Delete some of the changes from before a moment. Ids grow with time, so only the oldest rows are read."""
    oldest = select(AuditRow.id).order_by(AuditRow.id).limit(TRIM)
    return execute_counted(session, delete(AuditRow).where(AuditRow.id.in_(oldest), AuditRow.at < before))


def _changes(target: Any) -> dict[str, Any]:
    state = inspect(target)
    changes = {}
    for attribute in state.mapper.column_attrs:
        name = attribute.key
        history = state.attrs[name].history
        if name in UNTOLD or name.endswith("_folded") or not history.has_changes():
            continue
        before = history.deleted[0] if history.deleted else None
        after = history.added[0] if history.added else None
        if before != after:
            changes[camel(name)] = [plain(before), plain(after)]
    return changes
