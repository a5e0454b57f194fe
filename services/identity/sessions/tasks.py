"""Clears away what has ended."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity import settings
from services.identity.sessions import actions


def trim(runtime: Runtime) -> bool:
    """Delete what has ended, a thousand rows a time; True while there is more."""
    period = settings.of(runtime.settings).attempts_period
    with runtime.database.begin() as session:
        return actions.trim(session, period=period, now=utcnow())
