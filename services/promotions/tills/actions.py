"""Remembers which versions of a bundle were given out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.promotions.tills.models import BundleVersion

KEEP = 50
"""States of a store that changes are known since; older ones are answered with the whole."""


def remember(
    session: Session, tenant_id: UUID, store_id: UUID, version: str, digests: dict[str, str], *, now: datetime
) -> None:
    row = {
        "tenant_id": tenant_id,
        "store_id": store_id,
        "version": version,
        "campaigns": digests,
        "created_at": now,
    }
    if insert_ignoring(session, BundleVersion, [row]):
        mine = BundleVersion.store_id == store_id
        newest = select(BundleVersion.version).where(mine).order_by(BundleVersion.created_at.desc()).limit(KEEP)
        session.execute(delete(BundleVersion).where(mine, BundleVersion.version.not_in(newest)))
