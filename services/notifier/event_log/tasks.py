"""Deletes old events."""

from datetime import timedelta

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.notifier import settings
from services.notifier.event_log import actions


def forget_old_events(runtime: Runtime) -> bool:
    """Trim the event log; whether there is more to trim."""
    before = utcnow() - timedelta(days=settings.of(runtime.settings).event_log_days)
    with runtime.database.begin() as session:
        return actions.trim(session, before=before)
