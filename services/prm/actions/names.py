"""Writes to the copies of tenants."""

from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.prm.models import Relationship, TenantName


def upsert_tenant(session: Session, tenant_id: UUID, *, name: str, kind: str, sequence: int) -> None:
    """Apply what an event says of a tenant, unless a newer event was applied.

    A new name changes the relationships that show it, and so their versions.
    """
    row = {"id": tenant_id, "name": name, "kind": kind, "sequence": sequence}
    if insert_ignoring(session, TenantName, [row]):
        return
    tenant = session.scalars(select(TenantName).where(TenantName.id == tenant_id).with_for_update(key_share=True)).one()
    if sequence <= tenant.sequence:
        return
    if name != tenant.name:
        _new_version_of_relationships(session, tenant_id)
    tenant.name, tenant.kind, tenant.sequence = name, kind, sequence


def insert_missing(session: Session, *tenants: TenantName) -> None:
    """Insert the tenants of a new relationship that have no row yet."""
    rows = [{"id": row.id, "name": row.name, "kind": row.kind, "sequence": row.sequence} for row in tenants]
    rows.sort(key=lambda row: str(row["id"]))  # always in this order, so that two transactions cannot deadlock
    insert_ignoring(session, TenantName, rows)


def _new_version_of_relationships(session: Session, tenant_id: UUID) -> None:
    showing = or_(Relationship.supplier_id == tenant_id, Relationship.retailer_id == tenant_id)
    raised = update(Relationship).where(showing).values(version=Relationship.version + 1)
    session.execute(raised.execution_options(synchronize_session=False))
