"""Keeping our copy of the tenants' names."""

from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.prm.models import Relationship, TenantName


def learn(session: Session, tenant_id: UUID, *, name: str, kind: str, sequence: int) -> None:
    """Take over what an event says of a tenant, unless a newer one was here before.

    A new name changes the relationships that show it, and so their versions.
    """
    row = {"id": tenant_id, "name": name, "kind": kind, "sequence": sequence}
    if insert_ignoring(session, TenantName, [row]):
        return
    known = session.scalars(select(TenantName).where(TenantName.id == tenant_id).with_for_update(key_share=True)).one()
    if sequence <= known.sequence:
        return
    if name != known.name:
        _new_version_of_relationships(session, tenant_id)
    known.name, known.kind, known.sequence = name, kind, sequence


def remember(session: Session, *tenants: TenantName) -> None:
    """Keep the names of tenants that a relationship will point to, where we have none yet."""
    rows = [{"id": each.id, "name": each.name, "kind": each.kind, "sequence": each.sequence} for each in tenants]
    rows.sort(key=lambda row: str(row["id"]))  # the same order for everybody, so that two never wait for each other
    insert_ignoring(session, TenantName, rows)


def _new_version_of_relationships(session: Session, tenant_id: UUID) -> None:
    showing = or_(Relationship.supplier_id == tenant_id, Relationship.retailer_id == tenant_id)
    raised = update(Relationship).where(showing).values(version=Relationship.version + 1)
    session.execute(raised.execution_options(synchronize_session=False))
