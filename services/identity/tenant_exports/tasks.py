"""What the scheduler does for exports of tenants: gathers them, and lets them go."""

from typing import Any
from uuid import UUID

from chassis.core.clock import utcnow
from chassis.core.errors import Failure
from chassis.core.logs import logger
from chassis.process.service import Runtime
from privacy import tenants_duty
from services.identity.tenant_exports import actions, queries

log = logger(__name__)


def gather(runtime: Runtime) -> bool:
    """Ask the services that have not shown everything yet for one export that is due; True while there may be more due.

    A service that is away is asked again half a minute later, from where it stopped; the others are not asked again.
    """
    with runtime.database.begin() as session:
        export = actions.claim(session, utcnow())
    if export is None or not export.is_gathering:
        return export is not None
    for service in export.waiting:
        try:
            _gather_from(runtime, service, export.id, export.tenant_id)
        except Failure as failure:
            log.warning("a service could not be asked for a tenant's rows", service=service, error=failure.detail)
    with runtime.database.begin() as session:
        actions.finish(session, export.id, now=utcnow())
    return True


def forget_exports(runtime: Runtime) -> bool:
    """Delete exports after their seven days, or once somebody in them was erased; True while there is more."""
    with runtime.database.begin() as session:
        return actions.forget_some(session, now=utcnow())


def _gather_from(runtime: Runtime, service: str, export_id: UUID, tenant_id: UUID) -> None:
    """Store all that a service shows, from where an earlier attempt has stopped. It is asked between transactions.

    Raises:
        Failure: it is away.
    """
    more = True
    while more:
        with runtime.database.read() as session:
            after = queries.place(session, export_id, service)
        part = _part(runtime, service, tenant_id, after)
        with runtime.database.begin() as session:
            more = actions.add_part(session, export_id, service, part, after=after, now=utcnow())


def _part(runtime: Runtime, service: str, tenant_id: UUID, after: str | None) -> dict[str, Any]:
    if service == runtime.service.name:
        return tenants_duty.rows_of(runtime.database, tenants_duty.tables_of(runtime), tenant_id, after=after)
    query = {"after": after} if after else {}
    return runtime.client.get(service, f"/internal/tenant-rows/{tenant_id}", params=query)
