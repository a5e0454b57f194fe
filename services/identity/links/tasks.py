"""Clears away links that are over."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity.links import actions


def trim(runtime: Runtime) -> bool:
    """Delete links that ended a day ago, a thousand a time; True while there is more."""
    with runtime.database.begin() as session:
        return actions.trim(session, now=utcnow())
