"""Records which versions of a bundle tills have got, so that a till can ask for the changes since one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.promotions.tills.models import BundleVersion

KEEP = 50
"""Versions of a store. A till that asks for the changes since an older one gets the whole state."""


def record_version(
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
