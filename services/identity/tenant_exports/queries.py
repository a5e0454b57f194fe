"""Reads of exports of tenants."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from chassis.data.lookup import one_or_404
from privacy import erasures
from services.identity.tenant_exports import rules
from services.identity.tenant_exports.models import TenantExport, TenantExportPart
from services.identity.tenants.models import Tenant

NO_EXPORT = "There is no such export."


def latest_export(session: Session, tenant_id: UUID, *, asked_by: UUID, now: datetime) -> TenantExport:
    """The newest export of a tenant that this caller has asked for.

    Raises:
        NotFound: none, or it has expired.
    """
    mine = (TenantExport.tenant_id == tenant_id, TenantExport.asked_by == asked_by, TenantExport.expires_at > now)
    return one_or_404(session, select(TenantExport).where(*mine).order_by(TenantExport.id.desc()).limit(1), NO_EXPORT)


def ready_export(session: Session, export_id: UUID, tenant_id: UUID, *, asked_by: UUID, now: datetime) -> TenantExport:
    """An export whose archive this caller may fetch.

    Raises:
        NotFound: there is none, it is not ready, or it has expired.
    """
    mine = (TenantExport.id == export_id, TenantExport.tenant_id == tenant_id, TenantExport.asked_by == asked_by)
    ready = (TenantExport.state == rules.READY, TenantExport.expires_at > now)
    return one_or_404(session, select(TenantExport).where(*mine, *ready), NO_EXPORT)


def living_exports(session: Session, tenant_id: UUID, *, now: datetime) -> Sequence[TenantExport]:
    """The tenant's exports that have not expired, locked until the transaction ends."""
    living = select(TenantExport).where(TenantExport.tenant_id == tenant_id, TenantExport.expires_at > now)
    return session.scalars(living.order_by(TenantExport.id).with_for_update()).all()


def lock_due_export(session: Session, now: datetime) -> TenantExport | None:
    """The export that has waited for longest, locked until the transaction ends."""
    due = select(TenantExport).where(TenantExport.state == rules.GATHERING, TenantExport.next_at <= now)
    return session.scalar(due.order_by(TenantExport.next_at).limit(1).with_for_update(skip_locked=True))


def lock_export(session: Session, export_id: UUID) -> TenantExport | None:
    """An export that is still gathering, locked until the transaction ends; None when it is gone or has ended."""
    export = session.get(TenantExport, export_id, with_for_update=True)
    return export if export is not None and export.is_gathering else None


def part(session: Session, export_id: UUID, service: str, number: int) -> TenantExportPart | None:
    return session.get(TenantExportPart, (export_id, service, number))


def let_go(session: Session, now: datetime, limit: int) -> Sequence[TenantExport]:
    """Some exports that have expired or whose tenant has ended, and failed ones that still have parts; locked until the
    transaction ends."""
    has_parts = select(TenantExportPart.export_id).where(TenantExportPart.export_id == TenantExport.id).exists()
    failed = (TenantExport.state == rules.FAILED) & has_parts
    ended = TenantExport.tenant_id.in_(select(Tenant.id).where(Tenant.ended_at.is_not(None)))
    over = or_(TenantExport.expires_at <= now, ended, failed)
    gone = select(TenantExport).where(over).order_by(TenantExport.id).limit(limit)
    return session.scalars(gone.with_for_update(skip_locked=True)).all()


def lock_outdated(session: Session) -> list[TenantExport]:
    """Exports in which somebody may be who was erased meanwhile, locked until the transaction ends: what is in one
    cannot be taken out again."""
    last = erasures.last_erasures(session)
    living = select(TenantExport).where(TenantExport.tenant_id.in_(last), TenantExport.state != rules.FAILED)
    exports = session.scalars(living.order_by(TenantExport.id).with_for_update(skip_locked=True))
    return [export for export in exports if export.created_at <= last[export.tenant_id] + rules.MARGIN]


def place(session: Session, export_id: UUID, service: str) -> str | None:
    """Where a service goes on; None at its beginning."""
    progress = session.scalar(select(TenantExport.progress).where(TenantExport.id == export_id))
    return None if progress is None else progress[service]["after"]
