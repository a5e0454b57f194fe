"""Forgets what has been kept for long enough, a little at a time."""

from datetime import datetime, timedelta

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.notifier import mailbox, settings
from services.notifier.actions import event_log, retention, webhook_messages


def forget_old_events(runtime: Runtime) -> bool:
    """Trim the event log; whether there is more to trim."""
    with runtime.database.begin() as session:
        return event_log.trim(session, before=_long_ago())


def forget_old_messages(runtime: Runtime) -> bool:
    """Trim what became of webhooks; whether there is more to trim."""
    with runtime.database.begin() as session:
        return webhook_messages.trim(session, before=_long_ago())


def forget_old_mails(runtime: Runtime) -> bool:
    """Trim mails, digests and the development mailbox; whether there is more to trim."""
    now = utcnow()
    before = now - settings.load().keep
    with runtime.database.begin() as session:
        more = retention.forget_old(session, before=before, now=now)
    if folder := settings.mailbox(runtime.settings):
        mailbox.trim(folder, before)
    return more


def _long_ago() -> datetime:
    return utcnow() - timedelta(days=settings.load().event_log_days)
