"""Looks tenants up: in the own copy, else at identity. Called before a transaction, never inside one."""

from uuid import UUID

from marshmallow import EXCLUDE, ValidationError

from chassis.core.errors import Invalid, NotFound, Upstream
from chassis.http.current import db, neighbours
from services.prm.models import TenantName
from services.prm.rules import Side
from services.prm.schemas import TenantIn


def find(tenant_id: UUID, side: Side, *, field: str) -> TenantName:
    """A tenant that stands on ``side``. It is not stored.

    Raises:
        Invalid: there is none of that kind; ``field`` of the request is to blame.
        Upstream: there is no copy and identity is away.
    """
    with db.read() as session:
        row = session.get(TenantName, tenant_id)
    tenant = row or _ask(tenant_id)
    if tenant is None or tenant.kind != side:
        raise Invalid.field(field, f"no such {side.lower()}")
    return tenant


def _ask(tenant_id: UUID) -> TenantName | None:
    try:
        response = neighbours.get("identity", f"/internal/tenants/{tenant_id}")
        tenant = TenantIn(unknown=EXCLUDE).load(response)
    except NotFound:
        return None
    except ValidationError as error:
        raise Upstream("The identity service gave an answer that cannot be read.") from error
    return TenantName(id=tenant_id, name=tenant["name"], kind=tenant["kind"], sequence=0)
