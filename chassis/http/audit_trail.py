"""The endpoint at which a tenant reads its own audit trail (D8)."""

from typing import Any
from uuid import UUID

from flask.views import MethodView
from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import caller
from chassis.data.audit import AuditRow
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import Page, PageIn, page_of, paginate
from chassis.http.schemas import CamelSchema, Instant


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


def trail(session: Session, tenant_id: UUID, *, page: int, page_size: int, target_id: UUID | None = None) -> Page:
    """A tenant's changes, newest first."""
    statement = select(AuditRow).where(AuditRow.tenant_id == tenant_id).order_by(AuditRow.at.desc(), AuditRow.id.desc())
    if target_id:
        statement = statement.where(AuditRow.target_id == target_id)
    return paginate(session, statement, page=page, page_size=page_size)


def serve(blp: Blueprint, *roles: str, path: str = "/audit") -> None:
    """Give a blueprint the endpoint at which these roles read their own tenant's trail."""

    @blp.route(path)
    class Audit(MethodView):
        @blp.allow(*roles)
        @blp.arguments(AuditIn, location="query")
        @blp.response(200, page_of(AuditOut))
        def get(self, query: dict[str, Any]) -> Page:
            """Who of the caller's tenant changed what, newest first (D8)."""
            with db.read() as session:
                return trail(session, caller().tenant_id, **query)
