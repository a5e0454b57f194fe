"""Looks up a tenant: in our own copy, else in identity, before the transaction."""

from uuid import UUID

from marshmallow import EXCLUDE, ValidationError

from chassis.core.errors import Invalid, NotFound, Upstream
from chassis.http.current import db, service_client
from contracts.services import IDENTITY
from privacy.endings import EndingRow
from services.prm.models import TenantName
from services.prm.rules import Side
from services.prm.schemas import TenantIn


def find(tenant_id: UUID, side: Side, *, field: str) -> TenantName:
    """A tenant on ``side``. It may not be stored yet.

    Raises:
        Invalid: there is none of that kind, or it has ended; ``field`` of the request is to blame.
        Upstream: it is not in our copy and identity is away.
    """
    with db.read() as session:
        stored = session.get(TenantName, tenant_id)
        ended = session.get(EndingRow, tenant_id) is not None
    tenant = None if ended else stored or _ask(tenant_id)
    if tenant is None or tenant.kind != side:
        raise Invalid.field(field, f"There is no such {side.lower()}.")
    return tenant


def _ask(tenant_id: UUID) -> TenantName | None:
    try:
        answer = service_client.get(IDENTITY, f"/internal/tenants/{tenant_id}")
        tenant = TenantIn(unknown=EXCLUDE).load(answer)
    except NotFound:
        return None
    except ValidationError as error:
        raise Upstream("The identity service sent a response that cannot be read.") from error
    return TenantName(id=tenant_id, name=tenant["name"], kind=tenant["kind"], sequence=0)
