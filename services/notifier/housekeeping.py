"""Forgets what has been kept for long enough, a little at a time."""

from datetime import timedelta

from chassis.clock import utcnow
from chassis.service import Runtime
from services.notifier import settings
from services.notifier.actions import event_log


def forget_old_events(runtime: Runtime) -> bool:
    """Trim the event log; whether there is more to trim."""
    before = utcnow() - timedelta(days=settings.load().event_log_days)
    with runtime.database.begin() as session:
        return event_log.trim(session, before=before)
