"""Scheduled work: starts and ends store campaigns by the clock, and publishes both.

Any number of schedulers may run, or none (D3). Each takes campaigns that no other has locked; a campaign that was
written is no longer due. After a pause everything due is caught up, a start before its end.
"""

from datetime import datetime

from sqlalchemy import select

from chassis.core.clock import utcnow
from chassis.data.database import Database
from chassis.process.service import Runtime
from services.promotions.store_campaigns import actions, queries
from services.promotions.store_campaigns.models import StoreCampaign

BATCH = 100
EVERY = 1.0  # seconds


def run(runtime: Runtime) -> bool:
    """Catch up with the clock; say whether there may be more to do."""
    return catch_up(runtime.database, utcnow()) == BATCH


def catch_up(database: Database, now: datetime) -> int:
    """Write the changes of up to ``BATCH`` campaigns that are due and not locked; return how many."""
    with database.read() as session:  # without a lock, so that idle schedulers disturb no writer
        if session.scalar(select(StoreCampaign.id).where(queries.due(now)).limit(1)) is None:
            return 0
    due = select(StoreCampaign).where(queries.due(now)).order_by(StoreCampaign.ends_at, StoreCampaign.id)
    with database.begin() as session:
        campaigns = session.scalars(due.limit(BATCH).with_for_update(skip_locked=True)).all()
        queries.complete(session, campaigns, now)
        for campaign in campaigns:
            actions.catch_up(session, campaign, now)
        return len(campaigns)
