"""Clears away what has ended."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity import settings
from services.identity.sessions import trimming


def trim(runtime: Runtime) -> bool:
    """Delete what has ended, a thousand rows a time; True while there is more."""
    with runtime.database.begin() as session:
        return trimming.trim(session, settings=settings.of(runtime.settings), now=utcnow())
