"""Scheduled work of outbound, beside sending itself."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.notifier import settings
from services.notifier.outbound import retention
from services.notifier.outbound.channels import folder


def forget_old_mails(runtime: Runtime) -> bool:
    """Trim mails, digests and the development mailbox; whether there is more to trim."""
    now = utcnow()
    before = now - settings.load().keep
    with runtime.database.begin() as session:
        more = retention.forget_old(session, before=before, now=now)
    if mailbox := settings.mailbox(runtime.settings):
        folder.trim(mailbox, before)
    return more
