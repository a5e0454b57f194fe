"""Who changed what, when, and from what to what (D8).

Written in the transaction of the change, so a failed one leaves none.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask.views import MethodView
from marshmallow import fields
from sqlalchemy import Index, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from chassis import context
from chassis.database import ChassisBase
from chassis.events import camel, plain
from chassis.identity import Principal, Role, caller
from chassis.pages import Page, PageIn, page_of, paginate
from chassis.schemas import CamelSchema, Instant
from chassis.web import Blueprint, db

UNTOLD = frozenset({"version", "event_sequence", "updated_at", "password_hash", "secret", "previous_secret"})


class AuditRow(ChassisBase):
    """One change of one thing. Only ever added."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_tenant", "tenant_id", "at"), Index("ix_audit_target", "target_id", "at"))

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


class AuditOut(CamelSchema):
    """A change as a tenant's admin reads it; ``changes`` maps a field to ``[before, after]``."""

    id = fields.UUID(required=True)
    at = Instant(required=True)
    actor_id = fields.UUID(required=True)
    actor_name = fields.String(required=True)
    request_id = fields.String(required=True, allow_none=True)
    action = fields.String(required=True)
    target_type = fields.String(required=True)
    target_id = fields.UUID(required=True)
    changes = fields.Dict(required=True)


class AuditIn(PageIn):
    target_id = fields.UUID()


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


def trail(session: Session, tenant_id: UUID, *, page: int, page_size: int, target_id: UUID | None = None) -> Page:
    """A tenant's changes, newest first."""
    statement = select(AuditRow).where(AuditRow.tenant_id == tenant_id).order_by(AuditRow.at.desc(), AuditRow.id.desc())
    if target_id:
        statement = statement.where(AuditRow.target_id == target_id)
    return paginate(session, statement, page=page, page_size=page_size)


def serve(blp: Blueprint, *roles: Role, path: str = "/audit") -> None:
    """Give a blueprint the endpoint at which these roles read their own tenant's trail."""

    @blp.route(path)
    class Audit(MethodView):
        @blp.allow(*roles)
        @blp.arguments(AuditIn, location="query")
        @blp.response(200, page_of(AuditOut))
        def get(self, wanted: dict[str, Any]) -> Page:
            """Who of the caller's tenant changed what, newest first (D8)."""
            with db.read() as session:
                return trail(session, caller().tenant_id, **wanted)


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
