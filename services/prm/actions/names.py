"""The service's copy of the tenants' names."""

from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from chassis.data.copies import upsert_newer
from services.prm.models import Relationship, TenantName


def upsert_tenant(session: Session, tenant_id: UUID, *, name: str, kind: str, sequence: int) -> None:
    """Store what an event says of a tenant, unless a newer event came before.

    A new name changes the relationships that show it, and so their versions.
    """
    row = {"id": tenant_id, "name": name, "kind": kind, "sequence": sequence}
    previous = upsert_newer(session, TenantName, row)
    if previous and previous["name"] != name:
        _new_version_of_relationships(session, tenant_id)


def add_missing(session: Session, *tenants: TenantName) -> None:
    """Store the tenants that a relationship will refer to, unless they are stored already."""
    rows = [
        {"id": tenant.id, "name": tenant.name, "kind": tenant.kind, "sequence": tenant.sequence} for tenant in tenants
    ]
    rows.sort(key=lambda row: str(row["id"]))  # one order for all transactions, so that two never deadlock
    insert_ignoring(session, TenantName, rows)


def _new_version_of_relationships(session: Session, tenant_id: UUID) -> None:
    showing = or_(Relationship.supplier_id == tenant_id, Relationship.retailer_id == tenant_id)
    raised = update(Relationship).where(showing).values(version=Relationship.version + 1)
    session.execute(raised.execution_options(synchronize_session=False))
