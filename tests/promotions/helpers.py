"""People, bodies and look-ups that the tests of promotions share."""

from uuid import uuid4

from sqlalchemy import func, select

from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from chassis.messaging.outbox import OutboxRow
from contracts.roles import Role
from services.promotions.catalogue.models import Catalogue
from tests.plugin import principal, sample_event

FJORD, BERGEN = uuid4(), uuid4()
ROLF = principal(
    Role.RETAILER_ADMIN, tenant_id=FJORD, name="Rolf", tenant_name="Fjord Retail", tenant_slug="fjord-retail"
)
TILL = principal(
    Role.MACHINE,
    tenant_id=FJORD,
    name="Till",
    tenant_name="Fjord Retail",
    tenant_slug="fjord-retail",
    tenant_kind="Retailer",
)
RITA = principal(
    Role.RETAILER_ADMIN, tenant_id=BERGEN, name="Rita", tenant_name="Bergen Bygg", tenant_slug="bergen-bygg"
)

MINE, HERS = f"/v2/tenants/{FJORD}", f"/v2/tenants/{BERGEN}"


def is_problem(answer, status, code):
    """The answer is a problem of this status and code; returns its body."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    return answer.json


def fields_of(problem):
    return [error["field"] for error in problem["errors"]]


def ok(answer, status=200):
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


def tenant_event(who, sequence=1, event="Created", version="v2", **changes):
    """The event by which identity tells of a tenant."""
    data = {
        "tenantId": str(who.tenant_id),
        "name": who.tenant_name,
        "slug": who.tenant_slug,
        "kind": "Retailer",
        "timeZone": "Europe/Oslo",
        "features": ["promotions"],
    }
    kind = f"identity.Tenant{event}.{version}"
    return sample_event(kind, data | changes, subject=str(who.tenant_id), sequence=sequence)


def suspension(who, sequence, what="Suspended"):
    """The event by which identity suspends a tenant, resumes it or ends it."""
    data = {"tenantId": str(who.tenant_id)}
    return sample_event(f"identity.Tenant{what}.v1", data, subject=str(who.tenant_id), sequence=sequence)


def stored(service, model, *order):
    """Every row of a model."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        return list(session.scalars(select(model).order_by(*order)))


def count(service, model) -> int:
    with acting_as(Principal.system("test")), service.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def everything(service) -> dict[str, int]:
    """How many rows there are of anything a request may write."""
    tables = service.runtime.service.metadata.sorted_tables
    with acting_as(Principal.system("test")), service.database.read() as session:
        ours = {table.name: session.scalar(select(func.count()).select_from(table)) for table in tables}
        theirs = {model: session.scalar(select(func.count()).select_from(model)) for model in (OutboxRow, AuditRow)}
    return ours | theirs


def revision(service, tenant_id=FJORD) -> int:
    """What the tenant's catalogue says of changes."""
    return next((row.revision for row in stored(service, Catalogue) if row.tenant_id == tenant_id), 0)
