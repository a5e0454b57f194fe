"""Clears away sign-ins that never came back."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity.sso import actions


def trim(runtime: Runtime) -> bool:
    """Delete attempts that are over, a thousand a time; True while there is more."""
    with runtime.database.begin() as session:
        return actions.trim(session, now=utcnow())
