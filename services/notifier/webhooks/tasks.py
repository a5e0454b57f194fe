"""Deletes old messages."""

from datetime import timedelta

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.notifier import settings
from services.notifier.webhooks import messages


def forget_old_messages(runtime: Runtime) -> bool:
    """Trim messages and attempts; returns whether there may be more to trim."""
    before = utcnow() - timedelta(days=settings.of(runtime.settings).event_log_days)
    with runtime.database.begin() as session:
        return messages.trim(session, before=before)
