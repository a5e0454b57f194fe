"""The export of a tenant: for the operator, and for the tenant's own admins."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Response, current_app
from flask.views import MethodView

from chassis.core.clock import rfc3339, utcnow
from chassis.core.principal import Principal, acting_as, caller
from chassis.data.database import Database
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from chassis.process.service import runtime_of
from contracts.roles import Role
from contracts.services import SERVICES
from services.identity.common import fetches
from services.identity.sessions.freshness import require_fresh
from services.identity.tenant_exports import actions, archive, queries, rules
from services.identity.tenant_exports.models import TenantExport
from services.identity.tenant_exports.schemas import TenantExportOut
from services.identity.tenants import queries as tenant_queries
from services.identity.users.rules import ADMINS

OWN = "/api/v1/tenant/export"
TENANTS = "/api/v1/admin/tenants"

own_blp = Blueprint("own-tenant-export", __name__, url_prefix=OWN)
blp = Blueprint("tenant-exports", __name__, url_prefix=f"{TENANTS}/<uuid:tenant_id>/export")


@own_blp.route("")
class OwnTenantExport(MethodView):
    @own_blp.allow(*ADMINS)
    @own_blp.response(202, TenantExportOut)
    @raises(403, "step_up_required")
    @raises(409, "export_under_way")
    def post(self):
        """Have all that is kept of the own company gathered; while that is under way, the same export. Needs a password
        or factor that was shown a moment ago."""
        return _ask(caller().tenant_id, OWN)

    @own_blp.allow(*ADMINS)
    @own_blp.response(200, TenantExportOut)
    @raises(404, "not_found")
    def get(self):
        """The newest export that the caller has asked for: progress by service, then the archive's path."""
        return _latest(caller().tenant_id, OWN)


@own_blp.route("/<uuid:export_id>/archive")
class OwnTenantArchive(MethodView):
    @own_blp.allow(*ADMINS)
    @own_blp.alt_response(200, **fetches.ZIP)
    @own_blp.alt_response(429, **fetches.UNDER_WAY)
    @own_blp.alt_response(503, **fetches.BUSY)
    @raises(403, "step_up_required")
    @raises(429, "fetch_under_way")
    @raises(503, "archives_busy")
    def get(self, export_id):
        """A zip file of JSON lines, one file a table. Needs a password or factor that was shown a moment ago."""
        return _archive(caller().tenant_id, export_id)


@blp.route("")
class ExportOfTenant(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(202, TenantExportOut)
    @raises(403, "step_up_required")
    @raises(409, "export_under_way", "tenant_ended")
    def post(self, tenant_id):
        """Have all that is kept of a tenant gathered, also of a suspended one. Needs a password or factor that was
        shown a moment ago."""
        return _ask(tenant_id, f"{TENANTS}/{tenant_id}/export")

    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(200, TenantExportOut)
    def get(self, tenant_id):
        """The newest export of this tenant that the caller has asked for."""
        return _latest(tenant_id, f"{TENANTS}/{tenant_id}/export")


@blp.route("/<uuid:export_id>/archive")
class ArchiveOfTenant(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.alt_response(200, **fetches.ZIP)
    @blp.alt_response(429, **fetches.UNDER_WAY)
    @blp.alt_response(503, **fetches.BUSY)
    @raises(403, "step_up_required")
    @raises(429, "fetch_under_way")
    @raises(503, "archives_busy")
    def get(self, tenant_id, export_id):
        """A zip file of JSON lines, one file a table. Fetched to its end, it lets the tenant end. Needs a password or
        factor that was shown a moment ago."""
        return _archive(tenant_id, export_id)


def _ask(tenant_id: UUID, base: str) -> dict[str, Any]:
    with db.begin() as session:
        require_fresh(session, caller(), utcnow())
        return _shown(actions.ask(session, tenant_id, SERVICES, actor=caller(), now=utcnow()), base)


def _latest(tenant_id: UUID, base: str) -> dict[str, Any]:
    with db.read() as session:
        return _shown(queries.latest_export(session, tenant_id, asked_by=caller().user_id, now=utcnow()), base)


def _shown(export: TenantExport, base: str) -> dict[str, Any]:
    names = ("id", "state", "created_at", "finished_at", "fetched_at", "expires_at")
    progress = {
        service: {"state": progress["state"], "rows": rules.rows_in(progress)}
        for service, progress in export.progress.items()
    }
    path = f"{base}/{export.id}/archive" if export.state == rules.READY else None
    return {name: getattr(export, name) for name in names} | {"progress": progress, "archive": path}


def _archive(tenant_id: UUID, export_id: UUID) -> Response:
    with db.read() as session:
        require_fresh(session, caller(), utcnow())
        export = queries.ready_export(session, export_id, tenant_id, asked_by=caller().user_id, now=utcnow())
        name = tenant_queries.tenant(session, tenant_id).name
    database, asked_by = runtime_of(current_app).database, caller()
    return fetches.answer(f"tenant-{export_id}.zip", lambda: _streamed(database, export, name, asked_by))


def _streamed(database: Database, export: TenantExport, name: str, asked_by: Principal) -> Iterator[bytes]:
    """The archive, read part by part after the request itself has ended; its end is noted once everything was sent."""
    ended = export.finished_at or export.created_at
    readme = rules.readme(name, rfc3339(export.created_at), rfc3339(ended), export.progress)

    def read_part(service: str, number: int) -> tuple[str, bytes] | None:
        with acting_as(asked_by), database.read() as session:
            part = queries.part(session, export.id, service, number)
            return None if part is None else (rules.path_of(service, part.table_name), part.body)

    yield from archive.stream(readme, ended, export.progress, read_part)
    with acting_as(asked_by), database.begin() as session:
        actions.note_fetched(session, export.id, actor=asked_by, now=utcnow())
