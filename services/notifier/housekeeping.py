"""Forgets what has been kept for long enough, a little at a time."""

from datetime import timedelta

from chassis.clock import utcnow
from chassis.service import Runtime
from services.notifier import mailbox, settings
from services.notifier.actions import event_log, retention


def forget_old_events(runtime: Runtime) -> bool:
    """Trim the event log; whether there is more to trim."""
    before = utcnow() - timedelta(days=settings.load().event_log_days)
    with runtime.database.begin() as session:
        return event_log.trim(session, before=before)


def forget_old_mails(runtime: Runtime) -> bool:
    """Trim mails, digests and the development mailbox; whether there is more to trim."""
    now = utcnow()
    before = now - settings.load().keep
    with runtime.database.begin() as session:
        more = retention.forget_old(session, before=before, now=now)
    if folder := settings.mailbox(runtime.settings):
        mailbox.trim(folder, before)
    return more
