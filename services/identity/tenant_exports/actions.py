"""Asking for the export of a tenant, gathering it, fetching it, and letting it go."""

import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import execute_counted
from services.identity.tenant_exports import queries, rules
from services.identity.tenant_exports.models import TenantExport, TenantExportPart
from services.identity.tenants import queries as tenant_queries

TRIM = 20  # exports looked at together
PARTS = 50  # deleted together; a part may be large


def ask(session: Session, tenant_id: UUID, services: Iterable[str], *, actor: Principal, now: datetime) -> TenantExport:
    """Have all that is kept of a tenant gathered in the background.

    While that is under way, asking again gives the same export. A new one replaces the caller's one before.

    Raises:
        NotFound: there is no such tenant.
        Conflict: ``export_under_way``: somebody else has asked; ``tenant_ended``.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    tenant.require_living()
    earlier = queries.living_exports(session, tenant.id, now=now)
    for export in earlier:
        if export.is_gathering and export.asked_by == actor.user_id:
            return export
        if export.is_gathering:
            raise Conflict("Somebody else has an export of this tenant made at present.", code="export_under_way")
    for export in earlier:
        if export.asked_by == actor.user_id:
            export.end(now)
    export = TenantExport(
        id=uuid7(),
        tenant_id=tenant.id,
        asked_by=actor.user_id,
        state=rules.GATHERING,
        progress={service: dict(rules.NOTHING) for service in services},
        created_at=now,
        next_at=now,
        expires_at=now + rules.KEEP,
    )
    session.add(export)
    audit.record(session, "tenant.exported", tenant, tenant_id=tenant.id, actor=actor, now=now)
    session.flush()
    return export


def claim(session: Session, now: datetime) -> TenantExport | None:
    """An export that is due, for one lease; one that waits in vain has failed."""
    export = queries.lock_due_export(session, now)
    if export is not None and now - export.created_at > rules.GIVE_UP_AFTER:
        export.fail(now)
    elif export is not None:
        export.next_at = now + rules.LEASE
    return export


def add_part(
    session: Session, export_id: UUID, service: str, part: Mapping[str, Any], *, after: str | None, now: datetime
) -> bool:
    """Store what a service has shown from a place on, and where it goes on, in one transaction; so nothing is missing
    and nothing comes twice, whoever dies. Returns whether there is more to ask for."""
    export = queries.lock_export(session, export_id)
    if export is None or export.progress[service]["after"] != after or service not in export.waiting:
        return False  # it has ended, or another process has gone on with it
    if part["rows"]:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part["rows"])
        body = zlib.compress(lines.encode("utf-8", "backslashreplace"))
        number = export.progress[service]["parts"]
        key = {"export_id": export.id, "service": service, "number": number}
        session.add(TenantExportPart(**key, table_name=part["table"], body=body))
    export.add(service, part, now)
    return part["next"] is not None


def finish(session: Session, export_id: UUID, *, now: datetime) -> None:
    """Make the export ready where every service has shown everything, else try again later."""
    export = queries.lock_export(session, export_id)
    if export is not None and not export.waiting:
        export.finish(now)
    elif export is not None:
        export.next_at = now + rules.RETRY


def note_fetched(session: Session, export_id: UUID, *, actor: Principal, now: datetime) -> None:
    """The archive was fetched to its end: the tenant has its data."""
    export = session.get(TenantExport, export_id)
    if export is None:
        return
    tenant = tenant_queries.lock_tenant(session, export.tenant_id)
    export.fetched_at = now
    tenant.has_got_data(export.created_at)
    audit.record(session, "tenant.export_fetched", tenant, tenant_id=tenant.id, actor=actor, now=now)


def forget_some(session: Session, *, now: datetime) -> bool:
    """Delete some parts of exports that have failed, are over or show somebody who was erased, then the latter two;
    whether there may be more."""
    for export in queries.lock_outdated(session):
        export.become_outdated(now)
    session.flush()
    gone = queries.let_go(session, now, TRIM)
    ids = [export.id for export in gone]
    columns = (TenantExportPart.export_id, TenantExportPart.service, TenantExportPart.number)
    some = select(*columns).where(TenantExportPart.export_id.in_(ids)).limit(PARTS)
    if execute_counted(session, delete(TenantExportPart).where(tuple_(*columns).in_(some))) == PARTS:
        return True
    for export in gone:
        if export.state != rules.FAILED or export.expires_at <= now:
            session.delete(export)
    return len(gone) == TRIM
