"""Forgets what has been kept for long enough, a little at a time."""

from datetime import datetime, timedelta

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.notifier import settings
from services.notifier.event_log import actions
from services.notifier.outbound import retention
from services.notifier.outbound.channels import mailbox
from services.notifier.webhooks import messages


def forget_old_events(runtime: Runtime) -> bool:
    """Trim the event log; whether there is more to trim."""
    with runtime.database.begin() as session:
        return actions.trim(session, before=_long_ago())


def forget_old_messages(runtime: Runtime) -> bool:
    """Trim what became of webhooks; whether there is more to trim."""
    with runtime.database.begin() as session:
        return messages.trim(session, before=_long_ago())


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
