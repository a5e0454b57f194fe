"""Clears away sign-ins that are no longer kept."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity import settings
from services.identity.sign_ins import actions


def trim(runtime: Runtime) -> bool:
    """Delete old sign-ins, a thousand a time; True while there are more."""
    retention = settings.of(runtime.settings).sign_ins_retention
    with runtime.database.begin() as session:
        return actions.trim(session, retention=retention, now=utcnow())
