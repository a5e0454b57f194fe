"""Reads of the trail."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data.audit import AuditRow
from chassis.http.pages import Page, paginate
from contracts.roles import Role


def audit_trail(
    session: Session, reader: Principal, *, page: int, page_size: int, target_id: UUID | None = None
) -> Page:
    """Changes, newest first: all of them for the operator, a tenant's own for its admin (D8)."""
    statement = select(AuditRow).order_by(AuditRow.at.desc(), AuditRow.id.desc())
    if reader.role != Role.PLATFORM_ADMIN:
        statement = statement.where(AuditRow.tenant_id == reader.tenant_id)
    if target_id:
        statement = statement.where(AuditRow.target_id == target_id)
    return paginate(session, statement, page=page, page_size=page_size)
