"""Keeping our copy of the tenants."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.promotions.common.tenant_models import Tenant


def learn(
    session: Session,
    tenant_id: UUID,
    *,
    slug: str | None,
    name: str,
    kind: str,
    time_zone: str,
    features: Sequence[str],
    sequence: int,
) -> None:
    """Take over what an event says of a tenant, unless a newer one was here before."""
    row = {
        "slug": slug,
        "name": name,
        "kind": kind,
        "time_zone": time_zone,
        "features": list(features),
        "sequence": sequence,
    }
    if insert_ignoring(session, Tenant, [{"id": tenant_id} | row]):
        return
    known = session.scalars(select(Tenant).where(Tenant.id == tenant_id).with_for_update()).one()
    if sequence > known.sequence:
        for column, value in row.items():
            setattr(known, column, value)
