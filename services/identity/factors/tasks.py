"""Clears away challenges that nobody has answered."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity.factors import passkey_actions


def trim(runtime: Runtime) -> bool:
    """Delete what is over, a thousand rows a time; True while there is more."""
    with runtime.database.begin() as session:
        return passkey_actions.trim(session, now=utcnow())
