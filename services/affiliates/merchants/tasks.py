"""Scheduled work: asking identity for time zones that no event has told yet."""

from sqlalchemy import select, update

from chassis.core.errors import NotFound, Upstream
from chassis.process.service import Runtime
from contracts.services import IDENTITY
from services.affiliates.merchants.models import Merchant

BATCH = 20  # merchants at a time


def fetch_time_zones(runtime: Runtime) -> bool:
    """Ask identity for missing time zones; return whether there may be more."""
    with runtime.database.read() as session:
        merchant_ids = session.scalars(select(Merchant.id).where(Merchant.time_zone.is_(None)).limit(BATCH)).all()
    for merchant_id in merchant_ids:
        try:
            zone = runtime.client.get(IDENTITY, f"/internal/tenants/{merchant_id}")["timeZone"]
        except NotFound:
            zone = "UTC"  # the tenant is gone
        except Upstream:
            return False
        still_missing = (Merchant.id == merchant_id, Merchant.time_zone.is_(None))
        with runtime.database.begin() as session:
            session.execute(update(Merchant).where(*still_missing).values(time_zone=zone))
    return len(merchant_ids) == BATCH
